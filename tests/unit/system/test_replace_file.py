from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.errors import DiskError
from flowgate.system import replace_file


def make(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def there(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_the_one_before_is_kept(tmp_path: Path) -> None:
    place, previous = make(tmp_path / "it", "old"), make(tmp_path / "it.previous", "older")
    replace_file.replace(make(tmp_path / "fresh", "new"), place, previous)
    assert there(tmp_path) == {"it": "new", "it.previous": "old"}


def test_nothing_is_kept_where_nothing_was(tmp_path: Path) -> None:
    replace_file.replace(make(tmp_path / "fresh", "new"), tmp_path / "it", tmp_path / "it.previous")
    assert there(tmp_path) == {"it": "new"}


def test_the_place_stays_as_it_was_when_the_fresh_one_is_gone(tmp_path: Path) -> None:
    with pytest.raises(DiskError):
        replace_file.replace(tmp_path / "fresh", make(tmp_path / "it", "old"), tmp_path / "it.previous")
    assert (tmp_path / "it").read_text() == "old"


def test_exchanging_twice_changes_nothing(tmp_path: Path) -> None:
    place, previous = make(tmp_path / "it", "new"), make(tmp_path / "it.previous", "old")
    replace_file.swap(place, previous)
    assert there(tmp_path) == {"it": "old", "it.previous": "new"}
    replace_file.swap(place, previous)
    assert there(tmp_path) == {"it": "new", "it.previous": "old"}


@pytest.mark.parametrize("name, other", [("it", "it.previous"), ("it.previous", "it")])
def test_a_missing_one_changes_places_too(tmp_path: Path, name: str, other: str) -> None:
    make(tmp_path / name, "only")
    replace_file.swap(tmp_path / "it", tmp_path / "it.previous")
    assert there(tmp_path) == {other: "only"}


def test_a_link_is_cleared_and_not_what_it_names(tmp_path: Path) -> None:
    make(tmp_path / "kept", "kept")
    (tmp_path / "staging").symlink_to(tmp_path)
    replace_file.delete_folder(tmp_path / "staging")
    replace_file.delete_folder(tmp_path / "never there")
    assert there(tmp_path) == {"kept": "kept"}


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DiskError):
        replace_file.copy_program(tmp_path / "nowhere", tmp_path / "copy")
    assert there(tmp_path) == {}

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.errors import DiskError
from flowgate.system import replace_file


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_the_previous_file_is_kept(tmp_path: Path) -> None:
    target, previous = write(tmp_path / "it", "old"), write(tmp_path / "it.previous", "older")
    replace_file.replace(write(tmp_path / "new-file", "new"), target, previous)
    assert content(tmp_path) == {"it": "new", "it.previous": "old"}


def test_without_an_old_file_none_is_kept(tmp_path: Path) -> None:
    replace_file.replace(write(tmp_path / "new-file", "new"), tmp_path / "it", tmp_path / "it.previous")
    assert content(tmp_path) == {"it": "new"}


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    with pytest.raises(DiskError):
        replace_file.replace(tmp_path / "new-file", write(tmp_path / "it", "old"), tmp_path / "it.previous")
    assert (tmp_path / "it").read_text() == "old"


def test_swapping_twice_changes_nothing(tmp_path: Path) -> None:
    target, previous = write(tmp_path / "it", "new"), write(tmp_path / "it.previous", "old")
    replace_file.swap(target, previous)
    assert content(tmp_path) == {"it": "old", "it.previous": "new"}
    replace_file.swap(target, previous)
    assert content(tmp_path) == {"it": "new", "it.previous": "old"}


@pytest.mark.parametrize("name, other", [("it", "it.previous"), ("it.previous", "it")])
def test_swapping_with_a_missing_file_moves_the_other(tmp_path: Path, name: str, other: str) -> None:
    write(tmp_path / name, "only")
    replace_file.swap(tmp_path / "it", tmp_path / "it.previous")
    assert content(tmp_path) == {other: "only"}


def test_a_link_is_deleted_and_its_target_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "kept", "kept")
    (tmp_path / "staging").symlink_to(tmp_path)
    replace_file.delete_folder(tmp_path / "staging")
    replace_file.delete_folder(tmp_path / "never there")
    assert content(tmp_path) == {"kept": "kept"}


def test_a_failed_copy_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(DiskError):
        replace_file.copy_program(tmp_path / "nowhere", tmp_path / "copy")
    assert content(tmp_path) == {}

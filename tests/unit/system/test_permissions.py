from __future__ import annotations

from pathlib import Path

from flowgate.system import permissions


def test_mode_follows_links(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o640)
    (tmp_path / "link").symlink_to("file")
    assert permissions.mode(tmp_path / "link") == permissions.mode(tmp_path / "file")
    assert permissions.mode(tmp_path / "none") is None


def test_is_own_is_false_for_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    assert permissions.is_own(tmp_path / "file")
    assert permissions.is_own(tmp_path)
    assert not permissions.is_own(tmp_path / "link")
    assert not permissions.is_own(tmp_path / "none")


def test_change_sets_the_mode(tmp_path: Path) -> None:
    permissions.change(tmp_path, 0o700)
    assert permissions.mode(tmp_path) == 0o700


def test_a_folder_that_can_be_created_is_writable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert permissions.is_writable(tmp_path / "a" / "b")
    assert not permissions.is_writable(tmp_path / "file" / "b")

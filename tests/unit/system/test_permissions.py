from __future__ import annotations

from pathlib import Path

from flowgate.system import permissions


def test_a_mode_is_that_of_the_file_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o640)
    (tmp_path / "link").symlink_to("file")
    assert permissions.mode(tmp_path / "link") == permissions.mode(tmp_path / "file")
    assert permissions.mode(tmp_path / "none") is None


def test_a_link_is_not_our_own_file_though_it_leads_to_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    assert permissions.is_own(tmp_path / "file")
    assert permissions.is_own(tmp_path)
    assert not permissions.is_own(tmp_path / "link")
    assert not permissions.is_own(tmp_path / "none")


def test_permissions_can_be_changed(tmp_path: Path) -> None:
    permissions.change(tmp_path, 0o700)
    assert permissions.mode(tmp_path) == 0o700


def test_a_folder_that_could_be_made_is_writable_and_one_below_a_file_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert permissions.is_writable(tmp_path / "a" / "b")
    assert not permissions.is_writable(tmp_path / "file" / "b")

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from flowgate.errors import DiskError
from flowgate.system.disk_errors import (
    disk_error,
    free_bytes,
    make_own_folder,
    make_private_folder,
    translate_os_errors,
)


@pytest.mark.parametrize(
    "number, way_out",
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "paths.runtime_dir"), (errno.EACCES, "ls -ld")],
)
def test_a_refusal_names_the_path_the_reason_and_a_way_out(number: int, way_out: str) -> None:
    message = disk_error(Path("/srv/file"), OSError(number, os.strerror(number)))
    assert message.what == f"/srv/file: {os.strerror(number)[0].lower()}{os.strerror(number)[1:]}"
    assert way_out in message.fix


def test_our_own_refusals_pass_through_unchanged() -> None:
    inner = DiskError("inner")
    with pytest.raises(DiskError) as caught, translate_os_errors(Path("/srv")):
        raise inner
    assert caught.value is inner


def test_folders_made_by_several_at_once_are_made_once(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c"
    threads = [threading.Thread(target=make_private_folder, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.stat().st_mode & 0o777 for one in (path, path.parent, tmp_path / "a")] == [0o700] * 3


def test_a_file_where_a_folder_belongs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="file exists"):
        make_private_folder(tmp_path / "file")
    with pytest.raises(DiskError, match="not a folder of yours"):
        make_own_folder(tmp_path / "file")


def test_our_own_folder_is_closed_to_others_again(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours").chmod(0o777)
    assert make_own_folder(tmp_path / "ours").stat().st_mode & 0o777 == 0o700


def test_a_link_is_not_our_own_folder(tmp_path: Path) -> None:
    (tmp_path / "ours").symlink_to(tmp_path)
    with pytest.raises(DiskError, match="not a folder of yours"):
        make_own_folder(tmp_path / "ours")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_strangers_folder_is_not_our_own(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 65534, 65534)
    with pytest.raises(DiskError, match="not a folder of yours"):
        make_own_folder(tmp_path / "theirs")


def test_free_bytes_are_told_for_a_path_that_is_not_there_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") > 0

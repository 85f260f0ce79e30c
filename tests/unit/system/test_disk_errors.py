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
    "number, fix",
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "paths.runtime_dir"), (errno.EACCES, "ls -ld")],
)
def test_a_disk_error_has_path_reason_and_fix(number: int, fix: str) -> None:
    error = disk_error(Path("/srv/file"), OSError(number, os.strerror(number)))
    assert error.what == f"/srv/file: {os.strerror(number)[0].lower()}{os.strerror(number)[1:]}"
    assert fix in error.fix


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/srv/bin/.CLIProxyAPIPlus.staging/program", "/srv/bin"),
        ("/srv/bin/.CLIProxyAPIPlus.staging", "/srv/bin"),
        ("/srv/.CLIProxyAPIPlus.staging/trial/.staging/x", "/srv"),
        ("/srv/litellm/.123.building/environment/bin/python", "/srv/litellm"),
        ("/tmp/flowgate-rehearsal-123-a8_x/run/log", "/tmp"),
        ("/tmp/flowgate-flags-9-abc", "/tmp"),
        ("/srv/flowgate-data/file", "/srv/flowgate-data/file"),
        ("/srv/staging/file", "/srv/staging/file"),
        ("/srv/.router/runtime/events.log", "/srv/.router/runtime/events.log"),
        ("file", "file"),
    ],
)
def test_a_full_disk_is_named_by_a_folder_that_stays(number: int, path: str, shown: str) -> None:
    assert disk_error(Path(path), OSError(number, "Full")).what == f"{shown}: full"


def test_another_error_keeps_its_path() -> None:
    path = "/srv/.CLIProxyAPIPlus.staging/program"
    assert disk_error(Path(path), OSError(errno.EACCES, "No")).what == f"{path}: no"


def test_our_own_errors_are_not_translated() -> None:
    inner = DiskError("inner")
    with pytest.raises(DiskError) as caught, translate_os_errors(Path("/srv")):
        raise inner
    assert caught.value is inner


def test_threads_can_create_the_same_folder_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c"
    threads = [threading.Thread(target=make_private_folder, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.stat().st_mode & 0o777 for one in (path, path.parent, tmp_path / "a")] == [0o700] * 3


def test_a_file_where_a_folder_is_needed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="file exists"):
        make_private_folder(tmp_path / "file")
    with pytest.raises(DiskError, match="not a folder that you own"):
        make_own_folder(tmp_path / "file")


def test_an_existing_private_folder_gets_mode_0700(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours").chmod(0o777)
    assert make_own_folder(tmp_path / "ours").stat().st_mode & 0o777 == 0o700


def test_a_link_is_not_accepted_as_private_folder(tmp_path: Path) -> None:
    (tmp_path / "ours").symlink_to(tmp_path)
    with pytest.raises(DiskError, match="not a folder that you own"):
        make_own_folder(tmp_path / "ours")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_not_accepted_as_private_folder(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 65534, 65534)
    with pytest.raises(DiskError, match="not a folder that you own"):
        make_own_folder(tmp_path / "theirs")


def test_free_bytes_accepts_a_path_that_does_not_exist(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") > 0

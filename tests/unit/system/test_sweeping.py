from __future__ import annotations

import os
import socket
from pathlib import Path

from flowgate.system import files, sweeping
from flowgate.system.unix_sockets import unix_path


def socket_folder(parent: Path, name: str, *, listening: bool) -> socket.socket:
    folder = parent / (name * 16)
    folder.mkdir()
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(folder / "s"))
    if listening:
        sock.listen()
    else:
        sock.close()
    return sock


def test_folders_of_dead_sockets_are_deleted(tmp_path: Path) -> None:
    socket_folder(tmp_path, "a", listening=False)
    (tmp_path / ("b" * 16)).mkdir()
    with socket_folder(tmp_path, "c", listening=True):
        (tmp_path / ("d" * 16)).mkdir()
        (tmp_path / ("d" * 16) / "a file").write_text("")
        (tmp_path / "another").mkdir()
        sweeping.sweep_socket_folders(tmp_path, idle=0.0)
    assert sorted(path.name[0] for path in tmp_path.iterdir()) == ["a", "c", "d"]
    assert (tmp_path / "another").is_dir()


def test_a_young_folder_stays(tmp_path: Path) -> None:
    (tmp_path / ("b" * 16)).mkdir()
    sweeping.sweep_socket_folders(tmp_path)
    assert (tmp_path / ("b" * 16)).is_dir()


def test_a_new_socket_folder_sweeps_old_ones(tmp_path: Path) -> None:
    ours = tmp_path / f"flowgate-{os.getuid()}"
    old = ours / ("b" * 16)
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    unix_path(Path("/x" * 60), "s", shared=tmp_path)
    assert not old.exists()


def test_the_newest_bug_files_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / f"flowgate-{os.getuid()}"
    folder.mkdir()
    for number in range(30):
        (folder / f"bug-20200101T0000{number:02}-1.txt").write_text("")
    newest = files.save_traceback("text", shared=tmp_path)
    kept = sorted(path.name for path in folder.iterdir())
    assert (len(kept), kept[-1]) == (sweeping.KEPT_BUG_FILES, newest.name)

"""FIFOs, devices, folders, sockets and endless files in the place of a file: an error, never a wait."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.errors import DiskError, FlowGateError, LockTimeout, UsageError
from flowgate.system import archive, files, replace_file
from flowgate.system.clock import Clock
from flowgate.system.disk_errors import NotRegularFile
from flowgate.system.locks import exclusive_lock
from flowgate.system.processes import open_log
from flowgate.system.regular_files import open_regular, read_bytes_bounded, read_text_bounded

HUGE = 10**12


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listener(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        os.chdir(path.parent)  # the path of a socket must be short
        sock.bind(path.name)


def link_to_a_fifo(path: Path) -> None:
    os.mkfifo(path.with_name("far"))
    path.symlink_to("far")


MAKERS: dict[str, Callable[[Path], None]] = {
    "fifo": fifo,
    "folder": Path.mkdir,
    "socket": listener,
    "zero": lambda path: path.symlink_to("/dev/zero"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
    "null": lambda path: path.symlink_to("/dev/null"),
    "link to a fifo": link_to_a_fifo,
    "link to a folder": lambda path: path.symlink_to("/"),
}


@pytest.fixture(params=MAKERS)
def odd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path where something else than a file is."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "odd"
    MAKERS[request.param](path)
    return path


def lock(path: Path) -> None:
    with exclusive_lock(path, "up", clock=Clock(), timeout=0, on_wait=print):
        pytest.fail("locked")


READERS: dict[str, Callable[[Path], object]] = {
    "read_text": files.read_text,
    "read_text_or_none": files.read_text_or_none,
    "read_text_bounded": read_text_bounded,
    "tail": lambda path: files.tail(path, 5),
    "read_from": lambda path: files.read_from(path, 0),
    "file_digest": files.file_digest,
    "archive.kind": archive.kind,
    "copy_program": lambda path: replace_file.copy_program(path, path.with_name("copy")),
    "open_log": open_log,
    "lock": lock,
    "write_in_place": lambda path: files.write_in_place(path, "text"),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
def test_anything_but_a_file_is_refused_at_once(odd: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(FlowGateError, match=r"odd is not a regular file: it is a ") as caught:
        read(odd)
    assert isinstance(caught.value, (UsageError, DiskError))
    assert caught.value.fix


def test_an_atomic_write_does_not_replace_what_is_no_file(odd: Path) -> None:
    if odd.is_symlink():
        assert files.write_atomic(odd, "text")
        assert odd.read_text() == "text"
        return
    with pytest.raises(DiskError, match="is not a regular file"):
        files.write_atomic(odd, "text")
    assert [one.name for one in odd.parent.iterdir()] == ["odd"]


def test_a_line_is_not_appended_to_what_is_no_file(odd: Path) -> None:
    assert not files.append_line(odd, "line")
    assert not files.rotate_in_place(odd, 0, 3)


@pytest.mark.parametrize("read", [files.read_text, files.read_text_or_none, read_text_bounded])
def test_a_huge_sparse_file_is_not_read(tmp_path: Path, read: Callable[[Path], object]) -> None:
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", HUGE)
    with pytest.raises(UsageError, match=r"huge is too large: more than 64 MB"):
        read(tmp_path / "huge")


def test_the_end_of_a_huge_sparse_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    os.truncate(tmp_path / "log", HUGE)
    with (tmp_path / "log").open("ab") as log:
        log.write(b"\nlast\n")
    assert files.tail(tmp_path / "log", 1) == ["last"]
    assert len(files.tail(tmp_path / "log", 9)) == 2
    assert files.read_from(tmp_path / "log", HUGE) == ("\nlast\n", HUGE + 6)


def test_a_file_at_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_bytes_bounded(tmp_path / "file", 5) == b"12345"
    with pytest.raises(NotRegularFile, match="is too large"):
        read_bytes_bounded(tmp_path / "file", 4)


def test_a_file_whose_size_is_not_known_is_read_up_to_the_limit() -> None:
    assert read_bytes_bounded(Path("/proc/self/stat"))
    with pytest.raises(NotRegularFile, match="is too large"):
        read_bytes_bounded(Path("/proc/self/environ"), 1)


def test_a_link_to_a_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    assert files.read_text(tmp_path / "link") == "text"
    os.close(open_regular(tmp_path / "link", os.O_RDWR))


@pytest.mark.parametrize("target", ["missing", "missing/below"])
def test_a_dangling_link_at_the_lock_file(tmp_path: Path, target: str) -> None:
    (tmp_path / "lock").symlink_to(target)
    if target == "missing":
        with exclusive_lock(tmp_path / "lock", "up", clock=Clock(), timeout=0, on_wait=print):
            with pytest.raises(LockTimeout):
                lock(tmp_path / "missing")
        return
    with pytest.raises(DiskError, match=r"lock is a link to missing/below, which does not exist"):
        lock(tmp_path / "lock")


def test_a_dangling_link_is_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("missing")
    assert files.read_text_or_none(tmp_path / "link") is None

"""Places for a while: a private folder, ports, a gate that can be shut."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowgate.system import sockets, tempdirs
from tests.conftest import wait


@pytest.fixture
def echo() -> Iterator[int]:
    """Serve a port that says everything twice."""
    listener = sockets.listen("127.0.0.1", 0)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with sock:
                    while message := sock.recv(100):
                        sock.sendall(message * 2)

    thread = threading.Thread(target=serve)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def say(port: int, words: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(words)
        return sock.recv(100)


def test_a_folder_is_private_and_goes_with_all_that_is_in_it() -> None:
    with tempdirs.folder("scratch-") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "below").mkdir()
        (folder / "below" / "file").write_text("x")
    assert not folder.exists()


def test_a_folder_goes_also_when_something_fails() -> None:
    kept: list[Path] = []
    with contextlib.suppress(RuntimeError), tempdirs.folder("scratch-") as folder:
        kept.append(folder)
        raise RuntimeError
    assert [one.exists() for one in kept] == [False]


def test_a_folder_whose_maker_was_killed_is_swept_by_the_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead, alive = tmp_path / f"scratch-{int(ended.stdout)}-x", tmp_path / f"scratch-{os.getpid()}-x"
    dead.mkdir()
    alive.mkdir()
    with tempdirs.folder("scratch-"):
        assert (dead.exists(), alive.exists()) == (False, True)


def test_ports_are_different_and_free() -> None:
    found = tempdirs.ports(20)
    assert len(set(found)) == 20
    assert all(sockets.is_free("127.0.0.1", port) for port in found)


def test_an_open_gate_leads_to_the_port_behind_it(echo: int) -> None:
    gate = tempdirs.BlockableProxy(echo)
    try:
        assert (say(gate.port, b"ab"), gate.blocked_at) == (b"abab", [])
    finally:
        gate.close()


def test_a_shut_gate_resets_every_connection_and_counts_it(echo: int) -> None:
    gate = tempdirs.BlockableProxy(echo)
    try:
        gate.block()
        for _ in range(3):
            with contextlib.suppress(ConnectionError):
                assert say(gate.port, b"ab") == b""
        assert wait(lambda: len(gate.blocked_at) == 3)
    finally:
        gate.close()


def test_shutting_a_gate_cuts_what_is_open(echo: int) -> None:
    gate = tempdirs.BlockableProxy(echo)
    try:
        with socket.create_connection(("127.0.0.1", gate.port), 5) as sock:
            sock.sendall(b"a")
            assert sock.recv(10) == b"aa"
            gate.block()
            with contextlib.suppress(ConnectionError):
                assert sock.recv(10) == b""
    finally:
        gate.close()

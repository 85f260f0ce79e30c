from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.errors import EnvironmentFailure
from flowgate.system import process_table, processes, sockets
from tests.conftest import free_port

Start = Callable[..., subprocess.Popen[bytes]]
Until = Callable[[Callable[[], object]], None]

LISTEN = """
import signal, socket, sys
sock = socket.create_server(("127.0.0.1", 0))
print(sock.getsockname()[1], flush=True)
signal.pause()
"""
LINE = "0: {}:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 777 1"
WAITING = "import signal; print('up', flush=True); signal.pause()"


@pytest.fixture(params=["proc", "psutil"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test with /proc and with psutil."""
    if request.param == "proc" and not process_table.LINUX:
        pytest.skip("there is no /proc")
    monkeypatch.setattr(process_table, "LINUX", request.param == "proc")


def write_proc(folder: Path, name: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a /proc folder in which process 4321 has socket 777 open."""
    for one in ("4321/fd", "net"):
        (folder / one).mkdir(parents=True)
    (folder / "net" / name).write_text(f"sl local_address\n{line}\n")
    (folder / "4321" / "fd" / "5").symlink_to("socket:[777]")
    (folder / "4321" / "stat").write_text("4321 (python) S 1" + " 4321" * 18)
    (folder / "4321" / "cmdline").write_text("/usr/bin/python\0app.py\0")
    monkeypatch.setattr(process_table, "PROC", folder)
    monkeypatch.setattr(process_table, "LINUX", True)


def test_a_listener_accepts_connections_and_is_not_inheritable() -> None:
    with sockets.listen("127.0.0.1", 0) as sock, socket.create_connection(sock.getsockname(), timeout=60):
        assert not sock.get_inheritable()


def test_a_port_in_use_is_an_error_with_its_number() -> None:
    with sockets.listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(EnvironmentFailure, match=f"port 127.0.0.1:{port} is in use"):
            sockets.listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(EnvironmentFailure, match="cannot be used"):
        sockets.listen("192.0.2.1", 0)


def test_a_port_is_free_until_a_process_listens() -> None:
    port = free_port()
    assert sockets.is_free("127.0.0.1", port)
    with sockets.listen("127.0.0.1", port):
        assert not sockets.is_free("127.0.0.1", port)


def test_a_port_is_free_right_after_a_served_connection() -> None:
    with sockets.listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=60):
            sock.accept()[0].close()
    assert sockets.is_free("127.0.0.1", port)


@pytest.mark.usefixtures("source")
def test_owner_returns_pid_and_description(start: Start, tmp_path: Path, until: Until) -> None:
    process = start(LISTEN)
    until(lambda: (tmp_path / "output").read_text().endswith("\n"))
    port = int((tmp_path / "output").read_text())
    assert sockets.owner("127.0.0.1", port) == (process.pid, f"{Path(sys.executable).name} -c")
    assert sockets.owner("localhost", port) == sockets.owner("127.0.0.1", port)


@pytest.mark.usefixtures("source")
def test_a_free_port_has_no_owner() -> None:
    assert sockets.owner("127.0.0.1", free_port()) is None


@pytest.mark.parametrize(
    "name, address",
    [
        ("tcp", "0100007F"),  # 127.0.0.1
        ("tcp", "00000000"),  # every address
        ("tcp6", "0" * 32),  # every address of both kinds
        ("tcp6", "0000000000000000FFFF00000100007F"),  # 127.0.0.1 on a socket of both kinds
    ],
)
@pytest.mark.skipif(sys.byteorder != "little", reason="the table is written in the machine's byte order")
def test_a_listener_on_all_addresses_is_an_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    write_proc(tmp_path, name, LINE.format(address), monkeypatch)
    assert sockets.owner("127.0.0.1", 4000) == (4321, "python app.py")


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has one loopback address")
@pytest.mark.usefixtures("source")
def test_a_listener_on_another_address_is_not_an_owner() -> None:
    with sockets.listen("127.0.0.2", 0) as sock:
        assert sockets.owner("127.0.0.1", sock.getsockname()[1]) is None


def test_a_port_of_an_outgoing_connection_is_in_use() -> None:
    with sockets.listen("127.0.0.1", 0) as sock, socket.create_connection(sock.getsockname(), timeout=60) as client:
        assert sockets.owner("127.0.0.1", client.getsockname()[1]) == (None, "")


@pytest.mark.usefixtures("source")
def test_an_inherited_socket_belongs_to_the_process_that_created_it(start: Start, tmp_path: Path, until: Until) -> None:
    with sockets.listen("127.0.0.1", 0) as sock:
        start(WAITING, pass_fds=(sock.fileno(),))
        until(lambda: "up" in (tmp_path / "output").read_text())
        assert sockets.owner(*sock.getsockname()) == (os.getpid(), processes.describe(os.getpid()))


def test_another_users_listener_has_no_pid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_proc(tmp_path, "tcp", LINE.format("0100007F").replace(" 777 ", " 778 "), monkeypatch)
    assert sockets.owner("127.0.0.1", 4000) == (None, "")


def test_is_owned_by_examines_only_the_given_processes() -> None:
    with sockets.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert sockets.is_owned_by("127.0.0.1", port, {os.getpid()}) is True
        assert sockets.is_owned_by("127.0.0.1", port, {1}) is False
    assert sockets.is_owned_by("127.0.0.1", port, {os.getpid()}) is None


def test_free_ports_are_different_and_free() -> None:
    found = sockets.free_ports(20)
    assert len(set(found)) == 20
    assert all(sockets.is_free("127.0.0.1", port) for port in found)

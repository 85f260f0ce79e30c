from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.errors import DiskError, EnvironmentFailure, Unreachable
from flowgate.system import process_table, processes, sockets

Start = Callable[..., subprocess.Popen[bytes]]
Until = Callable[[Callable[[], object]], None]

LISTEN = """
import signal, socket, sys
sock = socket.create_server(("127.0.0.1", 0))
print(sock.getsockname()[1], flush=True)
signal.pause()
"""
LINE = "0: {}:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 777 1"
LENT = "import signal; print('up', flush=True); signal.pause()"


@pytest.fixture(params=["kernel", "psutil"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for owners in both ways, wherever the tests run."""
    if request.param == "kernel" and not process_table.LINUX:
        pytest.skip("there is no /proc")
    monkeypatch.setattr(process_table, "LINUX", request.param == "kernel")


def write_proc(folder: Path, name: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a /proc in which process 4321 holds the socket 777."""
    for one in ("4321/fd", "net"):
        (folder / one).mkdir(parents=True)
    (folder / "net" / name).write_text(f"sl local_address\n{line}\n")
    (folder / "4321" / "fd" / "5").symlink_to("socket:[777]")
    (folder / "4321" / "stat").write_text("4321 (python) S 1" + " 4321" * 18)
    (folder / "4321" / "cmdline").write_text("/usr/bin/python\0app.py\0")
    monkeypatch.setattr(process_table, "PROC", folder)
    monkeypatch.setattr(process_table, "LINUX", True)


# --- TCP


def test_a_listener_takes_connections_and_is_not_inherited() -> None:
    with sockets.listen("127.0.0.1", 0) as sock, socket.create_connection(sock.getsockname(), timeout=5):
        assert not sock.get_inheritable()


def test_a_taken_port_is_refused_by_its_number() -> None:
    with sockets.listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(EnvironmentFailure, match=f"port 127.0.0.1:{port} is taken"):
            sockets.listen("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_refused_in_words() -> None:
    with pytest.raises(EnvironmentFailure, match="cannot be used"):
        sockets.listen("192.0.2.1", 0)


def test_a_port_is_free_until_somebody_listens() -> None:
    port = sockets.free_port()
    assert sockets.is_free("127.0.0.1", port)
    with sockets.listen("127.0.0.1", port):
        assert not sockets.is_free("127.0.0.1", port)


def test_a_port_is_free_at_once_after_a_served_connection() -> None:
    with sockets.listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            sock.accept()[0].close()
    assert sockets.is_free("127.0.0.1", port)


@pytest.mark.usefixtures("source")
def test_the_owner_of_a_port_is_named(start: Start, tmp_path: Path, until: Until) -> None:
    process = start(LISTEN)
    until(lambda: (tmp_path / "output").read_text().endswith("\n"))
    port = int((tmp_path / "output").read_text())
    assert sockets.owner("127.0.0.1", port) == (process.pid, f"{Path(sys.executable).name} -c")
    assert sockets.owner("localhost", port) == sockets.owner("127.0.0.1", port)


@pytest.mark.usefixtures("source")
def test_nobody_owns_a_free_port() -> None:
    assert sockets.owner("127.0.0.1", sockets.free_port()) is None


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
def test_every_listener_that_would_answer_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    write_proc(tmp_path, name, LINE.format(address), monkeypatch)
    assert sockets.owner("127.0.0.1", 4000) == (4321, "python app.py")


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has but one loopback address")
@pytest.mark.usefixtures("source")
def test_a_listener_on_another_address_does_not_count() -> None:
    with sockets.listen("127.0.0.2", 0) as sock:
        assert sockets.owner("127.0.0.1", sock.getsockname()[1]) is None


def test_a_port_that_a_connection_goes_out_from_is_taken_though_nobody_listens() -> None:
    with sockets.listen("127.0.0.1", 0) as sock, socket.create_connection(sock.getsockname(), timeout=5) as client:
        assert sockets.owner("127.0.0.1", client.getsockname()[1]) == (None, "")


@pytest.mark.usefixtures("source")
def test_a_lent_socket_belongs_to_its_maker(start: Start, tmp_path: Path, until: Until) -> None:
    with sockets.listen("127.0.0.1", 0) as sock:
        start(LENT, pass_fds=(sock.fileno(),))
        until(lambda: "up" in (tmp_path / "output").read_text())
        assert sockets.owner(*sock.getsockname()) == (os.getpid(), processes.describe(os.getpid()))


def test_another_users_listener_is_seen_but_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_proc(tmp_path, "tcp", LINE.format("0100007F").replace(" 777 ", " 778 "), monkeypatch)
    assert sockets.owner("127.0.0.1", 4000) == (None, "")


# --- Unix sockets


def test_a_unix_socket_is_private_and_answers(tmp_path: Path) -> None:
    path = tmp_path / "s"
    before = os.umask(0)
    try:
        listener = sockets.listen_unix(path)
    finally:
        os.umask(before)
    with listener:
        assert path.stat().st_mode & 0o777 == 0o600
        client = sockets.connect_unix(path, 2.5)
        assert client is not None
        with client, listener.accept()[0] as server:
            server.sendall(b"hello")
            assert (client.recv(5), client.gettimeout()) == (b"hello", 2.5)


def test_a_socket_that_a_dead_listener_left_is_replaced(tmp_path: Path) -> None:
    sockets.listen_unix(tmp_path / "s").close()
    assert sockets.connect_unix(tmp_path / "s", 1) is None
    sockets.listen_unix(tmp_path / "s").close()


def test_a_socket_that_answers_is_never_taken_away(tmp_path: Path) -> None:
    with sockets.listen_unix(tmp_path / "s") as first:
        with pytest.raises(EnvironmentFailure, match="somebody else listens"):
            sockets.listen_unix(tmp_path / "s")
        first.accept()[0].close()  # the question whether it answers
        client = sockets.connect_unix(tmp_path / "s", 1)
        assert client is not None
        client.close()


@pytest.mark.skipif(sys.platform != "linux", reason="macOS refuses where Linux lets wait")
def test_a_busy_listener_counts_as_one_that_answers(tmp_path: Path) -> None:
    with sockets.listen_unix(tmp_path / "s", backlog=0):
        client = sockets.connect_unix(tmp_path / "s", 1)
        assert client is not None
        with client:
            with pytest.raises(Unreachable, match="takes no more connections"):
                sockets.connect_unix(tmp_path / "s", 0.01)
            with pytest.raises(EnvironmentFailure, match="somebody else listens"):
                sockets.listen_unix(tmp_path / "s")


def test_a_file_in_the_way_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(DiskError, match="is not a socket"):
        sockets.listen_unix(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "precious"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert sockets.connect_unix(tmp_path / "no" / "s", 1) is None
    with pytest.raises(DiskError, match="no such file"):
        sockets.listen_unix(tmp_path / "no" / "s")


def test_a_path_that_is_too_long_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="too long"):
        sockets.listen_unix(tmp_path / ("x" * 120))
    with pytest.raises(DiskError, match="too long"):
        sockets.connect_unix(tmp_path / ("x" * 120), 1)


def test_a_short_path_stays_in_its_folder() -> None:
    folder = Path("/srv/run")
    assert sockets.unix_path(folder, "s") == folder / "s"


def test_a_long_path_moves_to_a_private_place_always_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("ü" * 60)
    path = sockets.unix_path(folder, "s", shared=tmp_path)
    assert path == sockets.unix_path(tmp_path / "." / ".." / tmp_path.name / ("ü" * 60), "s", shared=tmp_path)
    assert path.parent.parent == tmp_path / f"flowgate-{os.getuid()}"
    assert [one.stat().st_mode & 0o777 for one in (path.parent, path.parent.parent)] == [0o700, 0o700]
    assert path != sockets.unix_path(tmp_path / ("ä" * 60), "s", shared=tmp_path)


def test_a_link_planted_in_the_shared_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"flowgate-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(DiskError, match="not a folder of yours"):
        sockets.unix_path(tmp_path / ("x" * 120), "s", shared=tmp_path)


def test_a_listener_is_looked_for_among_given_processes_only() -> None:
    with sockets.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert sockets.is_owned_by("127.0.0.1", port, {os.getpid()}) is True
        assert sockets.is_owned_by("127.0.0.1", port, {1}) is False
    assert sockets.is_owned_by("127.0.0.1", port, {os.getpid()}) is None

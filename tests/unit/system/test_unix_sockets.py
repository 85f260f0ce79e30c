from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from flowgate.errors import DiskError, EnvironmentFailure, Unreachable
from flowgate.system import sockets


def test_a_unix_socket_is_private_and_accepts_connections(tmp_path: Path) -> None:
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


def test_a_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    sockets.listen_unix(tmp_path / "s").close()
    assert sockets.connect_unix(tmp_path / "s", 1) is None
    sockets.listen_unix(tmp_path / "s").close()


def test_a_unix_socket_in_use_is_not_replaced(tmp_path: Path) -> None:
    with sockets.listen_unix(tmp_path / "s") as first:
        with pytest.raises(EnvironmentFailure, match="another process listens"):
            sockets.listen_unix(tmp_path / "s")
        first.accept()[0].close()  # the connection that checks for a listener
        client = sockets.connect_unix(tmp_path / "s", 1)
        assert client is not None
        client.close()


@pytest.mark.skipif(sys.platform != "linux", reason="macOS refuses the connection, Linux lets it wait")
def test_a_unix_socket_of_a_busy_listener_is_not_replaced(tmp_path: Path) -> None:
    with sockets.listen_unix(tmp_path / "s", backlog=0):
        client = sockets.connect_unix(tmp_path / "s", 1)
        assert client is not None
        with client:
            with pytest.raises(Unreachable, match="does not accept the connection"):
                sockets.connect_unix(tmp_path / "s", 0.01)
            with pytest.raises(EnvironmentFailure, match="another process listens"):
                sockets.listen_unix(tmp_path / "s")


def test_a_file_in_place_of_a_unix_socket_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(DiskError, match="is not a socket"):
        sockets.listen_unix(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "precious"


def test_a_unix_socket_in_a_missing_folder_is_a_disk_error(tmp_path: Path) -> None:
    assert sockets.connect_unix(tmp_path / "no" / "s", 1) is None
    with pytest.raises(DiskError, match="no such file"):
        sockets.listen_unix(tmp_path / "no" / "s")


def test_a_too_long_unix_socket_path_is_a_disk_error(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="too long"):
        sockets.listen_unix(tmp_path / ("x" * 120))
    with pytest.raises(DiskError, match="too long"):
        sockets.connect_unix(tmp_path / ("x" * 120), 1)


def test_a_short_unix_socket_path_is_in_its_folder() -> None:
    folder = Path("/srv/run")
    assert sockets.unix_path(folder, "s") == folder / "s"


def test_a_long_unix_socket_path_moves_to_a_private_folder(tmp_path: Path) -> None:
    folder = tmp_path / ("ü" * 60)
    path = sockets.unix_path(folder, "s", shared=tmp_path)
    assert path == sockets.unix_path(tmp_path / "." / ".." / tmp_path.name / ("ü" * 60), "s", shared=tmp_path)
    assert path.parent.parent == tmp_path / f"flowgate-{os.getuid()}"
    assert [one.stat().st_mode & 0o777 for one in (path.parent, path.parent.parent)] == [0o700, 0o700]
    assert path != sockets.unix_path(tmp_path / ("ä" * 60), "s", shared=tmp_path)


def test_a_link_in_the_shared_folder_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / f"flowgate-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(DiskError, match="not a folder that you own"):
        sockets.unix_path(tmp_path / ("x" * 120), "s", shared=tmp_path)

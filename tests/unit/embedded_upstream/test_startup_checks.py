"""What must stand before it serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.embedded_upstream.startup_checks import CannotOpen, listen, make_folder
from flowgate.system import sockets


def test_a_missing_auth_folder_is_made_private_and_only_once(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "auth"
    assert make_folder(str(folder))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not make_folder(str(folder))


def test_an_auth_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotOpen, match="auth path exists but is not a directory: "):
        make_folder(str(tmp_path / "file"))


def test_an_auth_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotOpen, match=r"error checking auth directory .*: stat .*: not a directory"):
        make_folder(str(tmp_path / "file" / "auth"))


def test_without_an_auth_folder_the_working_folder_is_not_taken_for_it() -> None:
    with pytest.raises(CannotOpen, match="failed to create auth directory : mkdir : no such file or directory"):
        make_folder("")


@pytest.mark.parametrize("port", [-1, 65536, 10**30])
def test_a_port_that_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(CannotOpen, match=f"listen tcp: address {port}: invalid port"):
        listen("127.0.0.1", port)


def test_a_busy_port_is_refused_in_the_real_programs_words() -> None:
    with listen("127.0.0.1", 0) as held:
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(CannotOpen, match=f"listen tcp 127.0.0.1:{port}: bind: address already in use"):
            listen("127.0.0.1", port)


def test_a_free_port_is_bound() -> None:
    port = sockets.free_port()
    with listen("127.0.0.1", port) as held:
        assert held.getsockname() == ("127.0.0.1", port)

"""What must succeed before the program can serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.embedded_upstream.startup_checks import StartupError, listen, make_folder
from tests.conftest import free_port


def test_a_missing_auth_folder_is_created_private_and_only_once(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "auth"
    assert make_folder(str(folder))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not make_folder(str(folder))


def test_an_auth_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="auth path exists but is not a directory: "):
        make_folder(str(tmp_path / "file"))


def test_an_auth_folder_below_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"error checking auth directory .*: stat .*: not a directory"):
        make_folder(str(tmp_path / "file" / "auth"))


def test_an_empty_auth_folder_does_not_mean_the_working_folder() -> None:
    with pytest.raises(StartupError, match="failed to create auth directory : mkdir : no such file or directory"):
        make_folder("")


@pytest.mark.parametrize("port", [-1, 65536, 10**30])
def test_an_impossible_port_is_an_error(port: int) -> None:
    with pytest.raises(StartupError, match=f"listen tcp: address {port}: invalid port"):
        listen("127.0.0.1", port)


def test_a_taken_port_is_reported_in_the_real_programs_words() -> None:
    with listen("127.0.0.1", 0) as held:
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(StartupError, match=f"listen tcp 127.0.0.1:{port}: bind: address already in use"):
            listen("127.0.0.1", port)


def test_a_free_port_is_bound() -> None:
    port = free_port()
    with listen("127.0.0.1", port) as held:
        assert held.getsockname() == ("127.0.0.1", port)

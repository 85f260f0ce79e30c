"""The lock of the runtime folder, and a step that gives it back while a person thinks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowgate.cli.requests import RunRequest
from flowgate.cli.runtime_lock import RuntimeLock
from flowgate.errors import LockTimeout
from flowgate.supervisor import replaced_files
from flowgate.system import files
from flowgate.system.clock import Clock
from tests.unit.cli.sessions import SessionFactory


@contextlib.contextmanager
def other_command(one: RuntimeLock) -> Iterator[None]:
    path = one._session.config.paths.runtime_dir / "lock"
    with files.exclusive_lock(path, "'up'", clock=Clock(), timeout=0.0, on_wait=lambda holder: None):
        yield


@pytest.fixture
def login(new_session: SessionFactory) -> RuntimeLock:
    return RuntimeLock(new_session(), RunRequest("login", {}))


def test_a_run_holds_the_lock(login: RuntimeLock) -> None:
    with login.hold(), pytest.raises(LockTimeout), other_command(login):
        pass
    with other_command(login):
        pass


def test_other_commands_run_while_it_is_given_back(login: RuntimeLock) -> None:
    with login.hold():
        with login.given_back(), other_command(login):
            pass
        with pytest.raises(LockTimeout), other_command(login):
            pass


def test_the_lock_is_taken_again_after_an_error(login: RuntimeLock) -> None:
    with login.hold():
        with contextlib.suppress(KeyError), login.given_back():
            raise KeyError
        with pytest.raises(LockTimeout), other_command(login):
            pass


@pytest.mark.parametrize("how", ["check", "exclusive"])
def test_a_run_without_the_lock_gives_nothing_back(new_session: SessionFactory, how: str) -> None:
    one = RuntimeLock(new_session(), RunRequest("login", {}, check=how == "check", exclusive=how != "exclusive"))
    with other_command(one), one.hold(), one.given_back():
        pass


def test_a_run_writes_back_what_a_killed_command_has_replaced(login: RuntimeLock, tmp_path: Path) -> None:
    runtime, path = login._session.config.paths.runtime_dir, tmp_path / "cliproxyapi.yaml"
    path.write_text("new")
    files.write_atomic(replaced_files.place(runtime), replaced_files.dump("litellm", "d1", {path: "old"}))
    with login.hold():
        assert path.read_text() == "old"
        assert not replaced_files.place(runtime).exists()


def test_what_is_kept_for_a_person_who_thinks_is_not_written_back(login: RuntimeLock, tmp_path: Path) -> None:
    place = replaced_files.place(login._session.config.paths.runtime_dir)
    with login.hold():
        files.write_atomic(place, replaced_files.dump("litellm", "d1", {tmp_path / "file": "old"}))
        with login.given_back():
            assert not place.exists()

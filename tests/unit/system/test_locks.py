from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from flowgate.errors import DiskError, LockTimeout
from flowgate.system.clock import Clock
from flowgate.system.files import exclusive_lock

HOLD = """
import sys
from pathlib import Path
from flowgate.system.clock import Clock
from flowgate.system.locks import hold
with hold(Path(sys.argv[1]), "smoke", clock=Clock(), timeout=None, waiting=print):
    print("holding", flush=True)
    sys.stdin = open(sys.argv[2])
    sys.stdin.read()
"""

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def holder(tmp_path: Path, start: Callable[..., Popen[bytes]], until: Until) -> Popen[bytes]:
    """Another process that holds the lock until it is killed."""
    os.mkfifo(tmp_path / "never")
    process = start(HOLD, str(tmp_path / "lock"), str(tmp_path / "never"))
    until(lambda: "holding" in (tmp_path / "output").read_text())
    return process


def test_a_waiting_command_is_told_once_for_whom(tmp_path: Path, holder: Popen[bytes]) -> None:
    told: list[str] = []
    with pytest.raises(LockTimeout, match=rf"'smoke' \(pid {holder.pid}\) is still changing"):
        with exclusive_lock(tmp_path / "lock", "up", clock=Clock(), timeout=0.2, on_wait=told.append):
            pytest.fail("two hold one lock")
    assert told == [f"'smoke' (pid {holder.pid})"]


def test_the_lock_of_a_killed_holder_is_free(tmp_path: Path, holder: Popen[bytes]) -> None:
    def kill(_: str) -> None:
        holder.kill()
        holder.wait()

    with exclusive_lock(tmp_path / "lock", "up", clock=Clock(), timeout=5, on_wait=kill):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()} up\n"


def test_a_lock_file_deleted_under_its_holder_can_be_taken_anew(tmp_path: Path, holder: Popen[bytes]) -> None:
    (tmp_path / "lock").unlink()
    with exclusive_lock(tmp_path / "lock", "up", clock=Clock(), timeout=0, on_wait=pytest.fail):
        assert holder.poll() is None


def test_a_waiting_command_notices_that_the_file_was_replaced(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    clock = Clock(sleep=lambda _: path.unlink(missing_ok=True))
    with exclusive_lock(path, "one", clock=clock, timeout=0, on_wait=pytest.fail):
        with exclusive_lock(path, "two", clock=clock, timeout=5, on_wait=lambda _: None):
            assert path.read_text().endswith("two\n")


def test_the_lock_is_free_after_the_body_even_when_it_failed(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            with exclusive_lock(tmp_path / "new" / "lock", "up", clock=Clock(), timeout=0, on_wait=pytest.fail):
                raise ZeroDivisionError
    assert (tmp_path / "new" / "lock").read_text() == ""


def test_a_lock_where_no_folder_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError):
        with exclusive_lock(tmp_path / "file" / "lock", "up", clock=Clock(), timeout=0, on_wait=pytest.fail):
            pytest.fail("held what cannot be")

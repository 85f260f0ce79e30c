from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from flowgate.errors import DiskError, LockTimeout
from flowgate.system.clock import Clock
from flowgate.system.files import exclusive_lock

HOLDER = """
import sys
from pathlib import Path
from flowgate.system.clock import Clock
from flowgate.system.locks import exclusive_lock
with exclusive_lock(Path(sys.argv[1]), "smoke", clock=Clock(), timeout=None, on_wait=print):
    print("holding", flush=True)
    sys.stdin = open(sys.argv[2])
    sys.stdin.read()
"""

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def holder(tmp_path: Path, start: Callable[..., Popen[bytes]], until: Until) -> Popen[bytes]:
    """Another process that holds the lock until it is killed."""
    os.mkfifo(tmp_path / "never")
    process = start(HOLDER, str(tmp_path / "lock"), str(tmp_path / "never"))
    until(lambda: "holding" in (tmp_path / "output").read_text())
    return process


def test_a_waiting_command_gets_the_holder_once(tmp_path: Path, holder: Popen[bytes]) -> None:
    holders: list[str] = []
    with pytest.raises(LockTimeout, match=rf"'smoke' \(pid {holder.pid}\) is still changing"):
        with exclusive_lock(tmp_path / "lock", "up", clock=Clock(), timeout=0.2, on_wait=holders.append):
            pytest.fail("two processes hold the lock")
    assert holders == [f"'smoke' (pid {holder.pid})"]


def test_the_lock_of_a_killed_holder_is_released(tmp_path: Path, holder: Popen[bytes]) -> None:
    def kill(_: str) -> None:
        holder.kill()
        holder.wait()

    with exclusive_lock(tmp_path / "lock", "up", clock=Clock(), timeout=60, on_wait=kill):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()} up\n"


def test_a_deleted_lock_file_can_be_locked_again(tmp_path: Path, holder: Popen[bytes]) -> None:
    (tmp_path / "lock").unlink()
    with exclusive_lock(tmp_path / "lock", "up", clock=Clock(), timeout=0, on_wait=pytest.fail):
        assert holder.poll() is None


def test_a_waiting_command_locks_the_replaced_file(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    clock = Clock(sleep=lambda _: path.unlink(missing_ok=True))
    with exclusive_lock(path, "one", clock=clock, timeout=0, on_wait=pytest.fail):
        with exclusive_lock(path, "two", clock=clock, timeout=60, on_wait=lambda _: None):
            assert path.read_text().endswith("two\n")


def test_the_lock_is_released_when_the_body_fails(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            with exclusive_lock(tmp_path / "new" / "lock", "up", clock=Clock(), timeout=0, on_wait=pytest.fail):
                raise ZeroDivisionError
    assert (tmp_path / "new" / "lock").read_text() == ""


def test_a_lock_below_a_file_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError):
        with exclusive_lock(tmp_path / "file" / "lock", "up", clock=Clock(), timeout=0, on_wait=pytest.fail):
            pytest.fail("the lock was acquired")

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.system import processes
from flowgate.system.processes import Identity

Process = subprocess.Popen[bytes]
Start = Callable[..., Process]
Until = Callable[[Callable[[], object]], None]

SLEEP = "import signal; print('up', flush=True); signal.pause()"
# Starts a child that leaves its process group, or even its session, and prints its pid.
FAMILY = """
import os, signal, sys
if os.fork() == 0:
    os.setsid() if sys.argv[1] == "session" else os.setpgid(0, 0)
    print(os.getpid(), flush=True)
    signal.pause()
if sys.argv[2] == "stays":
    signal.pause()
"""


def identity(process: Process) -> Identity:
    found = processes.identify(process.pid)
    assert found is not None
    return found


@pytest.fixture
def sleeper(start: Start, tmp_path: Path, until: Until) -> Process:
    process = start(SLEEP)
    until(lambda: "up" in (tmp_path / "output").read_text())
    return process


@pytest.fixture
def family(start: Start, tmp_path: Path, until: Until) -> Callable[[str, str], tuple[Process, Identity]]:
    """Start a process with a child; the test ends the child."""

    def make(leaves: str, parent: str) -> tuple[Process, Identity]:
        process = start(FAMILY, leaves, parent)
        until(lambda: (tmp_path / "output").read_text().endswith("\n"))
        child = processes.identify(int((tmp_path / "output").read_text()))
        assert child is not None
        return process, child

    return make


def ended(process: Process) -> bool:
    """Return whether it has ended, without reaping it."""
    return not processes.alive(identity(process))


# --- identity


def test_a_process_is_identified_by_pid_and_start_time(sleeper: Process) -> None:
    assert identity(sleeper) == identity(sleeper)
    assert processes.alive(identity(sleeper))
    assert not processes.alive(Identity(sleeper.pid, identity(sleeper).ticks + 1))


def test_an_unused_pid_has_no_identity() -> None:
    assert processes.identify(999_999_999) is None
    assert processes.tree_of(999_999_999) == []


def test_a_zombie_has_an_identity_and_is_not_alive(sleeper: Process, until: Until) -> None:
    name = identity(sleeper)
    sleeper.kill()
    until(lambda: ended(sleeper))
    assert identity(sleeper) == name
    assert not processes.alive(name)


@pytest.mark.skipif(sys.platform != "linux", reason="only /proc shows names in brackets")
def test_a_name_with_parentheses_is_parsed(start: Start, tmp_path: Path, until: Until) -> None:
    process = start("open('/proc/self/comm', 'w').write('a) Z 1 (b)');" + SLEEP)
    until(lambda: "up" in (tmp_path / "output").read_text())
    assert processes.alive(identity(process))
    assert processes.tree(identity(process)) == [identity(process)]


def test_a_process_is_found_by_its_arguments(start: Start, sleeper: Process, tmp_path: Path, until: Until) -> None:
    other = start(SLEEP, "one", str(tmp_path))
    until(lambda: processes.find(("one", str(tmp_path))) == other.pid)
    assert processes.find(("two", str(tmp_path))) is None


# --- trees


@pytest.mark.parametrize("leaves", ["group", "session"])
def test_a_child_in_another_group_or_session_is_in_its_parents_tree(
    family: Callable[[str, str], tuple[Process, Identity]], until: Until, leaves: str
) -> None:
    process, child = family(leaves, "stays")
    members = processes.tree(identity(process))
    assert members == [identity(process), child]
    assert processes.signal_tree(members, signal.SIGKILL) == members
    until(lambda: not processes.alive(child) and ended(process))


def test_a_child_in_another_group_is_found_after_its_parent_ended(
    family: Callable[[str, str], tuple[Process, Identity]], until: Until
) -> None:
    process, child = family("group", "goes")
    until(lambda: ended(process))
    assert processes.tree(identity(process)) == [child]
    processes.signal_tree([child], signal.SIGKILL)
    until(lambda: not processes.alive(child))


def test_the_tree_of_a_reused_pid_is_empty(sleeper: Process) -> None:
    assert processes.tree(Identity(sleeper.pid, identity(sleeper).ticks - 1)) == []


def test_our_own_tree_contains_our_child(sleeper: Process) -> None:
    assert identity(sleeper) in processes.tree_of(os.getpid())


# --- signals


def test_a_reused_pid_is_not_signalled(sleeper: Process) -> None:
    reused = Identity(sleeper.pid, identity(sleeper).ticks - 1)
    assert processes.signal_tree([reused], signal.SIGKILL) == []
    assert not processes.signal_group(reused, signal.SIGKILL)
    assert processes.alive(identity(sleeper))


def test_this_process_is_not_signalled() -> None:
    ours = processes.identify(os.getpid())
    assert ours is not None
    assert processes.signal_tree([ours, Identity(0, 0), Identity(1, 0)], signal.SIGKILL) == []
    assert not processes.signal_group(Identity(os.getpgrp(), 0), signal.SIGKILL)


def test_without_pidfd_the_identity_is_still_checked(sleeper: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert processes.signal_tree([Identity(sleeper.pid, 1)], signal.SIGKILL) == []
    assert processes.signal_tree([identity(sleeper)], signal.SIGKILL) == [identity(sleeper)]
    assert sleeper.wait(timeout=60) == -signal.SIGKILL


def test_a_group_is_signalled_through_its_leader(sleeper: Process) -> None:
    assert processes.signal_group(identity(sleeper), signal.SIGTERM)
    assert sleeper.wait(timeout=60) == -signal.SIGTERM


def test_a_group_whose_leader_has_ended_is_not_signalled(sleeper: Process, until: Until) -> None:
    name = identity(sleeper)
    sleeper.kill()
    until(lambda: ended(sleeper))
    assert not processes.signal_group(name, signal.SIGTERM)
    sleeper.wait()
    assert not processes.signal_group(name, signal.SIGTERM)


# --- descriptions


def test_a_description_contains_no_secret(start: Start, tmp_path: Path, until: Until) -> None:
    process = start(SLEEP, "--key", "sk-1")
    until(lambda: "up" in (tmp_path / "output").read_text())
    assert processes.describe(process.pid) == f"{Path(sys.executable).name} -c"


@pytest.mark.parametrize(
    "argv, shown",
    [
        (["/usr/bin/python3", "-m", "flowgate.supervisor.daemon", "/x"], "python3 -m flowgate.supervisor.daemon"),
        (["/usr/bin/node", "/srv/app.js", "--token", "sk-1"], "node app.js --token"),
        (["python3", "-u", "/srv/app.py"], "python3 -u app.py"),
        (["mysql", "-p", "secret"], "mysql -p"),
        (["tool", "--key=secret"], "tool --key"),
        (["nginx: master process /usr/sbin/nginx"], "nginx"),
        (["a" * 100], "a" * 79 + "…"),
        ([], "?"),
    ],
)
def test_a_description_is_short(monkeypatch: pytest.MonkeyPatch, argv: list[str], shown: str) -> None:
    monkeypatch.setattr("flowgate.system.process_table.argv", lambda _: argv)
    assert processes.describe(1) == shown


def test_memory_is_known_for_running_processes_only(sleeper: Process) -> None:
    assert (processes.memory(sleeper.pid) or 0) > 1_000_000
    assert processes.memory(999_999_999) is None

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.errors import DiskError, ProgramMissing
from flowgate.system import processes
from flowgate.system.processes import Identity

Process = subprocess.Popen[bytes]
Start = Callable[..., Process]
Until = Callable[[Callable[[], object]], None]

SLEEP = "import signal; print('up', flush=True); signal.pause()"
# A child of the started process that has left its group, or even its session, and says its pid.
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
    """Give a started process and its child, which a test ends itself."""

    def make(leaves: str, parent: str) -> tuple[Process, Identity]:
        process = start(FAMILY, leaves, parent)
        until(lambda: (tmp_path / "output").read_text().endswith("\n"))
        child = processes.identify(int((tmp_path / "output").read_text()))
        assert child is not None
        return process, child

    return make


def ended(process: Process) -> bool:
    """Say whether it is over, leaving it unreaped."""
    return not processes.alive(identity(process))


# --- who is who


def test_a_process_is_known_by_pid_and_start(sleeper: Process) -> None:
    assert identity(sleeper) == identity(sleeper)
    assert processes.alive(identity(sleeper))
    assert not processes.alive(Identity(sleeper.pid, identity(sleeper).ticks + 1))


def test_nobody_has_a_number_that_was_never_given() -> None:
    assert processes.identify(999_999_999) is None
    assert processes.tree_of(999_999_999) == []


def test_a_process_that_ended_unreaped_has_a_name_but_no_life(sleeper: Process, until: Until) -> None:
    name = identity(sleeper)
    sleeper.kill()
    until(lambda: ended(sleeper))
    assert identity(sleeper) == name
    assert not processes.alive(name)


@pytest.mark.skipif(sys.platform != "linux", reason="only /proc shows names in brackets")
def test_a_name_full_of_brackets_does_not_confuse(start: Start, tmp_path: Path, until: Until) -> None:
    process = start("open('/proc/self/comm', 'w').write('a) Z 1 (b)');" + SLEEP)
    until(lambda: "up" in (tmp_path / "output").read_text())
    assert processes.alive(identity(process))
    assert processes.tree(identity(process)) == [identity(process)]


def test_a_process_is_found_by_all_its_words(start: Start, sleeper: Process, tmp_path: Path, until: Until) -> None:
    other = start(SLEEP, "one", str(tmp_path))
    until(lambda: processes.find(("one", str(tmp_path))) == other.pid)
    assert processes.find(("two", str(tmp_path))) is None


# --- trees


@pytest.mark.parametrize("leaves", ["group", "session"])
def test_a_child_that_left_is_still_in_its_parents_tree(
    family: Callable[[str, str], tuple[Process, Identity]], until: Until, leaves: str
) -> None:
    process, child = family(leaves, "stays")
    members = processes.tree(identity(process))
    assert members == [identity(process), child]
    assert processes.signal_tree(members, signal.SIGKILL) == members
    until(lambda: not processes.alive(child) and ended(process))


def test_a_child_that_left_the_group_is_found_after_its_parent_ended(
    family: Callable[[str, str], tuple[Process, Identity]], until: Until
) -> None:
    process, child = family("group", "goes")
    until(lambda: ended(process))
    assert processes.tree(identity(process)) == [child]
    processes.signal_tree([child], signal.SIGKILL)
    until(lambda: not processes.alive(child))


def test_the_tree_of_another_process_with_the_same_number_is_empty(sleeper: Process) -> None:
    assert processes.tree(Identity(sleeper.pid, identity(sleeper).ticks - 1)) == []


def test_our_own_tree_holds_what_we_started(sleeper: Process) -> None:
    assert identity(sleeper) in processes.tree_of(os.getpid())


# --- signals


def test_a_stranger_who_got_the_number_is_never_signalled(sleeper: Process) -> None:
    stranger = Identity(sleeper.pid, identity(sleeper).ticks - 1)
    assert processes.signal_tree([stranger], signal.SIGKILL) == []
    assert not processes.signal_group(stranger, signal.SIGKILL)
    assert processes.alive(identity(sleeper))


def test_we_never_signal_ourselves() -> None:
    ours = processes.identify(os.getpid())
    assert ours is not None
    assert processes.signal_tree([ours, Identity(0, 0), Identity(1, 0)], signal.SIGKILL) == []
    assert not processes.signal_group(Identity(os.getpgrp(), 0), signal.SIGKILL)


def test_without_a_hold_on_the_process_the_look_still_counts(sleeper: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert processes.signal_tree([Identity(sleeper.pid, 1)], signal.SIGKILL) == []
    assert processes.signal_tree([identity(sleeper)], signal.SIGKILL) == [identity(sleeper)]
    assert sleeper.wait(timeout=10) == -signal.SIGKILL


def test_a_group_is_signalled_through_its_leader(sleeper: Process) -> None:
    assert processes.signal_group(identity(sleeper), signal.SIGTERM)
    assert sleeper.wait(timeout=10) == -signal.SIGTERM


def test_a_group_without_its_leader_is_left_alone(sleeper: Process, until: Until) -> None:
    name = identity(sleeper)
    sleeper.kill()
    until(lambda: ended(sleeper))
    assert not processes.signal_group(name, signal.SIGTERM)
    sleeper.wait()
    assert not processes.signal_group(name, signal.SIGTERM)


# --- starting


def test_a_program_gets_its_folder_its_environment_and_no_keyboard(start: Start, tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), sorted(os.environ), repr(sys.stdin.read()), os.getsid(0) == os.getpid())"
    assert start(code).wait(timeout=10) == 0
    message = (tmp_path / "output").read_text()
    assert message.startswith(f"{tmp_path} ")
    assert message.endswith(" '' True\n")
    assert "PYTHONPATH" in message
    assert "HOME" not in message


def test_what_programs_say_is_appended_privately(start: Start, tmp_path: Path) -> None:
    for code in ("print('one')", "import sys; print('two', file=sys.stderr)"):
        start(code).wait(timeout=10)
    assert (tmp_path / "output").read_text() == "one\ntwo\n"
    assert (tmp_path / "output").stat().st_mode & 0o777 == 0o600


def test_a_program_makes_private_files(start: Start, tmp_path: Path) -> None:
    start("open('made', 'w')").wait(timeout=10)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_only_the_files_handed_over_stay_open(start: Start, tmp_path: Path) -> None:
    lent, kept = os.pipe()
    os.set_inheritable(kept, True)
    code = "import os, sys; os.fstat(int(sys.argv[1])); os.fstat(int(sys.argv[2]))"
    try:
        assert start(code, str(lent), str(lent), pass_fds=(lent,)).wait(timeout=10) == 0
        assert start(code, str(lent), str(kept), pass_fds=(lent,)).wait(timeout=10) == 1
    finally:
        os.close(lent)
        os.close(kept)


@pytest.mark.parametrize(
    "text, mode, complaint",
    [
        (None, 0, "is not there"),
        ("#!/bin/sh\n", 0o600, "cannot be executed"),
        ("\x7fnonsense", 0o700, "is no program for this machine"),
        ("#!/no/such/shell\n", 0o700, "names an interpreter"),
    ],
)
def test_a_program_that_cannot_start_is_named_with_a_way_out(
    tmp_path: Path, text: str | None, mode: int, complaint: str
) -> None:
    program = tmp_path / "program"
    if text is not None:
        program.write_text(text)
        program.chmod(mode)
    with pytest.raises(ProgramMissing, match=complaint) as caught:
        processes.spawn([str(program)], cwd=tmp_path, env={}, output=tmp_path / "output")
    assert caught.value.what.startswith(str(program))
    assert caught.value.fix


def test_a_missing_folder_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"the working folder .*nowhere is not there"):
        processes.spawn([sys.executable], cwd=tmp_path / "nowhere", env={}, output=tmp_path / "output")


def test_output_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="is a directory"):
        processes.spawn([sys.executable], cwd=tmp_path, env={}, output=tmp_path)


def test_a_visible_tool_gives_its_code_as_a_shell_does(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert processes.run_visible([sys.executable, "-c", "print('seen'); exit(3)"], cwd=tmp_path) == 3
    assert capfd.readouterr().out == "seen\n"
    assert processes.run_visible([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], cwd=tmp_path) == 137
    with pytest.raises(ProgramMissing):
        processes.run_visible(["no-such-tool"], cwd=tmp_path)


# --- what is known


def test_a_description_shows_no_secret(start: Start, tmp_path: Path, until: Until) -> None:
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


def test_memory_is_told_of_the_living_only(sleeper: Process) -> None:
    assert (processes.memory(sleeper.pid) or 0) > 1_000_000
    assert processes.memory(999_999_999) is None

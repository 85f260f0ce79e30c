"""A process that waits for its release: never lost, whatever happens to its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.errors import DiskError, ProgramMissing
from flowgate.system import process_table, processes
from flowgate.system.held_spawn import hold

Until = Callable[[Callable[[], object]], None]

HOLDER = """
import sys, time
from pathlib import Path
from flowgate.system.held_spawn import hold
folder = Path(sys.argv[1])
held = hold([sys.executable, "-c", "open('ran', 'w')"], cwd=folder, env={}, output=folder / "log")
print(*held.identity, flush=True)
time.sleep(60)
"""


def test_a_released_process_executes_its_program(tmp_path: Path) -> None:
    held = hold(["/bin/sh", "-c", "echo $NAME; pwd; umask"], cwd=tmp_path, env={"NAME": "v"}, output=tmp_path / "log")
    row = process_table.row(held.identity.pid)
    held.release()
    os.waitpid(held.identity.pid, 0)
    assert (tmp_path / "log").read_text() == f"v\n{tmp_path}\n0077\n"
    assert row is not None
    assert (row.parent, row.ticks) == (os.getpid(), held.identity.ticks)


def test_a_held_process_executes_nothing(tmp_path: Path) -> None:
    held = hold(["/bin/sh", "-c", "echo ran"], cwd=tmp_path, env={}, output=tmp_path / "log")
    held.discard()
    assert not processes.alive(held.identity)
    assert (tmp_path / "log").read_text() == ""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_held_process_goes_with_its_parent(
    tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]], until: Until, number: int
) -> None:
    parent = start(HOLDER, str(tmp_path))
    until(lambda: (tmp_path / "output").read_text().endswith("\n"))
    pid, ticks = map(int, (tmp_path / "output").read_text().split())
    assert processes.alive(processes.Identity(pid, ticks))
    os.kill(parent.pid, number)
    until(lambda: not processes.alive(processes.Identity(pid, ticks)))
    assert not (tmp_path / "ran").exists()


def test_a_held_process_inherits_the_passed_descriptors_only(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    script = f"import os; os.write({writing}, b'x'); print(sorted(os.listdir('/proc/self/fd')))"
    argv = [sys.executable, "-c", script]
    held = hold(argv, cwd=tmp_path, env={}, output=tmp_path / "log", pass_fds=(writing,))
    held.release()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"x"
    os.waitpid(held.identity.pid, 0)
    assert (tmp_path / "log").read_text().count(",") == 4  # three streams, the pipe, and the folder being listed


@pytest.mark.parametrize(
    "name, content, mode, words",
    [
        ("missing", None, 0, "does not exist"),
        ("closed", "", 0o600, "cannot be executed"),
        ("data", "text", 0o700, "is not a program for this machine"),
        ("script", "#!/no/interpreter\n", 0o700, "names an interpreter"),
    ],
)
def test_a_program_that_cannot_be_executed(
    tmp_path: Path, name: str, content: str | None, mode: int, words: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    held = hold([str(path)], cwd=tmp_path, env={}, output=tmp_path / "log")
    with pytest.raises(ProgramMissing, match=words):
        held.release()
    assert processes.identify(held.identity.pid) is None


def test_a_missing_working_folder(tmp_path: Path) -> None:
    held = hold(["/bin/sh"], cwd=tmp_path / "gone", env={}, output=tmp_path / "log")
    with pytest.raises(DiskError, match="gone does not exist"):
        held.release()


def test_a_process_killed_before_its_release(tmp_path: Path) -> None:
    held = hold(["/bin/sh"], cwd=tmp_path, env={}, output=tmp_path / "log")
    os.kill(held.identity.pid, signal.SIGKILL)
    os.waitpid(held.identity.pid, 0)
    held.release()
    assert not processes.alive(held.identity)

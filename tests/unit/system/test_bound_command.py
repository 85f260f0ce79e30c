"""Commands that end with the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flowgate.errors import ProgramMissing, Unreachable
from flowgate.system import bound_command, processes
from flowgate.system.clock import Clock, poll

ENV = {"PATH": os.environ["PATH"]}
PARENT = """
import os, sys
from pathlib import Path
from flowgate.system import bound_command
bound_command.run(["sh", "-c", "echo $$ > pid; exec sleep 60"], cwd=Path(sys.argv[1]), env=dict(os.environ), timeout=60)
"""


def test_its_output_and_exit_code_are_returned(tmp_path: Path) -> None:
    ran = bound_command.run(["sh", "-c", "echo out; echo err >&2; exit 7"], cwd=tmp_path, env=ENV, timeout=60)
    assert (ran.code, ran.stdout, ran.stderr) == (7, "out\n", "err\n")


def test_its_files_are_private(tmp_path: Path) -> None:
    bound_command.run(["sh", "-c", "touch file; mkdir folder"], cwd=tmp_path, env=ENV, timeout=60)
    assert [(tmp_path / name).stat().st_mode & 0o077 for name in ("file", "folder")] == [0, 0]


def test_it_gets_its_environment_and_no_other(tmp_path: Path) -> None:
    ran = bound_command.run(["env"], cwd=tmp_path, env={**ENV, "ONE": "1"}, timeout=20)
    assert {line.partition("=")[0] for line in ran.stdout.splitlines()} - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {
        *("PATH", "ONE")
    }


def test_a_time_limit_names_the_program(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"^sleep did not end within 0\.2 s"):
        bound_command.run(["sleep", "60"], cwd=tmp_path, env=ENV, timeout=0.2)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match=r"/nowhere/uv"):
        bound_command.run(["/nowhere/uv"], cwd=tmp_path, env=ENV, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_it_is_killed_when_its_parent_is(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    file = tmp_path / "pid"
    poll(lambda: file.is_file() and bool(file.read_text().strip()), Clock(), timeout=60)
    child = processes.identify(int(file.read_text()))
    assert child
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert poll(lambda: not processes.alive(child), Clock(), timeout=60)  # a zombie, if this process adopted it

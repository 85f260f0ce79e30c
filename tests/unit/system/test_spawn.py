from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.errors import DiskError, ProgramMissing
from flowgate.system import processes

Start = Callable[..., subprocess.Popen[bytes]]


def test_a_program_gets_folder_environment_and_no_terminal(start: Start, tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), sorted(os.environ), repr(sys.stdin.read()), os.getsid(0) == os.getpid())"
    assert start(code).wait(timeout=60) == 0
    output = (tmp_path / "output").read_text()
    assert output.startswith(f"{tmp_path} ")
    assert output.endswith(" '' True\n")
    assert "PYTHONPATH" in output
    assert "HOME" not in output


def test_output_is_appended_to_a_private_file(start: Start, tmp_path: Path) -> None:
    for code in ("print('one')", "import sys; print('two', file=sys.stderr)"):
        start(code).wait(timeout=60)
    assert (tmp_path / "output").read_text() == "one\ntwo\n"
    assert (tmp_path / "output").stat().st_mode & 0o777 == 0o600


def test_a_program_creates_private_files(start: Start, tmp_path: Path) -> None:
    start("open('made', 'w')").wait(timeout=60)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_only_passed_descriptors_are_inherited(start: Start, tmp_path: Path) -> None:
    passed, other = os.pipe()
    os.set_inheritable(other, True)
    code = "import os, sys; os.fstat(int(sys.argv[1])); os.fstat(int(sys.argv[2]))"
    try:
        assert start(code, str(passed), str(passed), pass_fds=(passed,)).wait(timeout=60) == 0
        assert start(code, str(passed), str(other), pass_fds=(passed,)).wait(timeout=60) == 1
    finally:
        os.close(passed)
        os.close(other)


@pytest.mark.parametrize(
    "text, mode, reason",
    [
        (None, 0, "does not exist"),
        ("#!/bin/sh\n", 0o600, "cannot be executed"),
        ("\x7fnonsense", 0o700, "is not a program for this machine"),
        ("#!/no/such/shell\n", 0o700, "names an interpreter"),
    ],
)
def test_a_program_that_cannot_start_is_an_error_with_a_fix(
    tmp_path: Path, text: str | None, mode: int, reason: str
) -> None:
    program = tmp_path / "program"
    if text is not None:
        program.write_text(text)
        program.chmod(mode)
    with pytest.raises(ProgramMissing, match=reason) as caught:
        processes.spawn([str(program)], cwd=tmp_path, env={}, output=tmp_path / "output")
    assert caught.value.what.startswith(str(program))
    assert caught.value.fix


def test_a_missing_working_folder_is_a_disk_error(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"the working folder .*nowhere does not exist"):
        processes.spawn([sys.executable], cwd=tmp_path / "nowhere", env={}, output=tmp_path / "output")


def test_an_unwritable_output_file_is_a_disk_error(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="is not a regular file: it is a folder"):
        processes.spawn([sys.executable], cwd=tmp_path, env={}, output=tmp_path)


def test_run_visible_returns_the_exit_code_of_a_shell(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert processes.run_visible([sys.executable, "-c", "print('seen'); exit(3)"], cwd=tmp_path) == 3
    assert capfd.readouterr().out == "seen\n"
    assert processes.run_visible([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], cwd=tmp_path) == 137
    with pytest.raises(ProgramMissing):
        processes.run_visible(["no-such-tool"], cwd=tmp_path)

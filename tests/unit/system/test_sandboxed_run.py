from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.errors import ProgramMissing
from flowgate.system import processes, sandboxed_run
from flowgate.system.clock import Clock
from flowgate.system.processes import tree_of

SECONDS = f"4713.{os.getpid()}"  # of this test, whatever else sleeps on this machine
Until = Callable[[Callable[[], object]], None]


def run_script(tmp_path: Path, script: str, seconds: float = 60.0) -> sandboxed_run.SandboxResult:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    return sandboxed_run.run_once(program, "-h", folder=tmp_path / "folder", seconds=seconds, clock=Clock())


def test_output_and_exit_code_are_captured(tmp_path: Path) -> None:
    result = run_script(tmp_path, "echo $1; echo loud >&2; exit 3")
    assert (result.output, result.code, result.describe_exit()) == ("-h\nloud\n", 3, "ended with exit code 3")


def test_the_program_gets_an_empty_folder_and_no_variable_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "canary")
    result = run_script(tmp_path, "pwd; env")
    assert result.output.startswith(f"{tmp_path}/folder\n")
    assert "canary" not in result.output


def test_a_signal_is_described(tmp_path: Path) -> None:
    assert run_script(tmp_path, "kill -ABRT $$").describe_exit() == "was ended by signal 6"


def test_a_hanging_program_is_ended_with_its_children(tmp_path: Path, until: Until) -> None:
    result = run_script(tmp_path, f"sleep {SECONDS} & wait", seconds=2.0)
    assert result.code is None
    until(lambda: not processes.find(("sleep", SECONDS)))


def test_remaining_children_are_ended(tmp_path: Path, until: Until) -> None:
    result = run_script(tmp_path, "sleep 60 & echo $!")
    assert result.code == 0
    until(lambda: tree_of(int(result.output)) == [])


def test_a_program_with_endless_output_is_ended_early(tmp_path: Path) -> None:
    result = run_script(tmp_path, "exec yes", seconds=60)
    assert (result.code, len(result.output)) == (None, sandboxed_run.EXCERPT)


def test_a_program_for_another_machine_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF" + bytes(60))
    program.chmod(0o700)
    with pytest.raises(ProgramMissing, match="not a program for this machine"):
        sandboxed_run.run_once(program, folder=tmp_path / "folder", seconds=1, clock=Clock())

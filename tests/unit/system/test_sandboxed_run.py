from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.errors import ProgramMissing
from flowgate.system import sandboxed_run
from flowgate.system.clock import Clock
from flowgate.system.processes import tree_of

Until = Callable[[Callable[[], object]], None]


def tried(tmp_path: Path, script: str, seconds: float = 10.0) -> sandboxed_run.SandboxResult:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    return sandboxed_run.run_once(program, "-h", folder=tmp_path / "folder", seconds=seconds, clock=Clock())


def test_what_it_says_and_how_it_ends_is_heard(tmp_path: Path) -> None:
    ran = tried(tmp_path, "echo $1; echo loud >&2; exit 3")
    assert (ran.output, ran.code, ran.describe_exit()) == ("-h\nloud\n", 3, "ended with exit code 3")


def test_it_sees_an_empty_place_and_none_of_our_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "canary")
    ran = tried(tmp_path, "pwd; env")
    assert ran.output.startswith(f"{tmp_path}/folder\n")
    assert "canary" not in ran.output


def test_a_signal_is_named(tmp_path: Path) -> None:
    assert tried(tmp_path, "kill -ABRT $$").describe_exit() == "was ended by signal 6"


def test_one_that_hangs_is_ended_with_all_it_started(tmp_path: Path, until: Until) -> None:
    ran = tried(tmp_path, "sleep 60 & echo $!; wait", seconds=0.3)
    assert ran.code is None
    until(lambda: tree_of(int(ran.output)) == [])


def test_what_it_leaves_behind_is_ended_too(tmp_path: Path, until: Until) -> None:
    ran = tried(tmp_path, "sleep 60 & echo $!")
    assert ran.code == 0
    until(lambda: tree_of(int(ran.output)) == [])


def test_one_that_never_stops_talking_is_ended_long_before_its_time(tmp_path: Path) -> None:
    ran = tried(tmp_path, "exec yes", seconds=60)
    assert (ran.code, len(ran.output)) == (None, sandboxed_run.EXCERPT)


def test_one_for_another_machine_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF" + bytes(60))
    program.chmod(0o700)
    with pytest.raises(ProgramMissing, match="no program for this machine"):
        sandboxed_run.run_once(program, folder=tmp_path / "folder", seconds=1, clock=Clock())

"""A command's output and error output are kept apart; it is killed when it takes too long, unless it is to finish."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from flowgate.errors import ProgramMissing
from flowgate.system import processes
from flowgate.system.captured_command import capture
from tests.conftest import wait

SHELL = ("sh", "-c")
SECONDS = f"4712.{os.getpid()}"  # of this test, whatever else sleeps on this machine


def test_output_error_output_and_code_are_collected() -> None:
    done = asyncio.run(capture([*SHELL, "echo a; echo b >&2; exit 3"], timeout=60))
    assert done == (3, "a\n", "b\n")


def test_it_has_no_input() -> None:
    assert asyncio.run(capture(["cat"], timeout=60)).out == ""


def test_one_that_takes_too_long_is_killed() -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(capture(["sleep", SECONDS], timeout=1.0))
    assert wait(lambda: not processes.find(("sleep", SECONDS)))


def test_one_that_is_to_finish_goes_on_without_its_caller(tmp_path: Path) -> None:
    end, go = tmp_path / "end", tmp_path / "go"
    wanted = f"while [ ! -e {go} ]; do sleep 0.05; done; echo text >&2; touch {end}"
    with pytest.raises(TimeoutError):
        asyncio.run(capture([*SHELL, wanted], timeout=0.2, finish=True))
    go.touch()
    assert wait(end.exists)


def test_a_missing_program_is_an_error() -> None:
    with pytest.raises(ProgramMissing):
        asyncio.run(capture([f"{sys.executable}-missing"], timeout=60))

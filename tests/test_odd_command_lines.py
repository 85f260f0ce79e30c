"""Odd command lines under both names: a known exit code, no traceback, an answer and no wait."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from flowgate.cli.help import describe
from flowgate.cli.main import load_tasks
from tests.conftest import CHECKOUT, Workspace

PROGRAMS = {"flowgate": ["-c", "from flowgate.cli.main import main; main()"], "inv": ["-m", "invoke"]}
# Tasks that stay in the foreground, would change this checkout, run its tests, ask a person, or ask the package index,
# which may be slow.
LEFT_OUT = {"init", "test", "lint", "format", "typecheck", "docs", "ci", "bench", "build", "release", "clean"}
LEFT_OUT |= {
    "run",
    "security.install-hook",
    "rehearse",
    "auth.login",
    "bootstrap.download",
    "up",
    "smoke",
    "litellm.list",
}
TASKS = sorted({name.replace("_", "-") for name in load_tasks().task_names} - LEFT_OUT)
FLAGS = ["--json", "--profile", "--lines", "--since", "--service", "--last", "--config", "--dry", "--jsn", "--help"]
FLAGS += ["--echo", "--prompt-for-sudo-password", "--follow=", "-e", "-j", "-x", "--", "-", "--=", "--lines=-1"]
VALUES = [
    "",
    " ",
    "\n",
    "\x1b[2J",
    "x" * 5000,
    "a/" * 3000,
    "-1",
    "nan",
    "inf",
    "1e999",
    "0",
    "9" * 400,
    "9" * 400 + "d",
]
VALUES += ["cost", "litellm", "../..", "/dev/null", "/", "~", "~nobody/x", "{", "a=b", "@/nope", "$(id)", "'", "*", "é"]
VALUES += ["\udcff", "up", "status", "profile", "codex", "2026-99-99", "café", "\u202e", "--json=1"]
CODES = {0, 1, 2, 3, 130}
SAMPLE, LONG = 20, 250  # of each program
DESCRIBED = {one.name.replace("_", "-"): one for one in describe(load_tasks())}


def command_line(seed: int) -> list[str]:
    """Return one odd command line; the same for the same seed."""
    chosen = random.Random(seed)  # noqa: S311 - reproducible, not secret
    task = chosen.choice(TASKS)
    own = [flag for one in DESCRIBED[task].arguments for flag in one.flags if not one.positional] or FLAGS
    words = [chosen.choice(FLAGS)] if chosen.random() < 0.2 else []
    words += task.split("." if chosen.random() < 0.5 else None)
    words += [chosen.choice(VALUES) for one in DESCRIBED[task].arguments if one.positional and chosen.random() < 0.7]
    for _ in range(chosen.randrange(4)):
        words.append(chosen.choice(chosen.choice([FLAGS, own, VALUES, VALUES])))
    return words


def run(place: Workspace, program: str, words: list[str]) -> None:
    """Run one command line and check how it ends."""
    argv = [sys.executable, *PROGRAMS[program], *words]
    done = subprocess.run(
        [word.encode(errors="surrogateescape") for word in argv],
        cwd=CHECKOUT,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    printed = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode in CODES, f"{words}: {done.returncode}\n{printed}"
    assert "Traceback" not in printed, words
    assert "a bug in FlowGate" not in printed, words


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("seed", range(SAMPLE))
def test_a_sample_of_odd_command_lines(workspace: Workspace, program: str, seed: int) -> None:
    run(workspace, program, command_line(seed))


@pytest.mark.long
@pytest.mark.parametrize("program", PROGRAMS)
def test_many_odd_command_lines(workspace: Workspace, program: str) -> None:
    for seed in range(SAMPLE, LONG):
        run(workspace, program, command_line(seed))

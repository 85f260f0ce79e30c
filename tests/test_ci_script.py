"""The script `.ci/run`, with fake tools: what runs, and which failure ends it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, CompletedCommand

FAKE = """\
#!/bin/sh
echo "$@" >> "$LOG"
echo "output of $*"
case "$*" in "run inv $FAILS"*) exit 1;; esac
"""
BEFORE = ["inv lint", "inv typecheck", "inv docs --check", "inv smoke", "inv rehearse"]


def run(folder: Path, fails: str) -> tuple[CompletedCommand, list[str]]:
    """Run a copy of the script; return what it ran."""
    (folder / ".ci").mkdir()
    shutil.copy2(CHECKOUT / ".ci" / "run", folder / ".ci" / "run")
    for name in ("uv", "chromedriver"):
        (folder / name).write_text(FAKE)
        (folder / name).chmod(0o755)
    env = {"PATH": f"{folder}:/usr/bin:/bin", "LOG": str(folder / "log"), "FAILS": fails, "TMPDIR": str(folder)}
    done = subprocess.run(["bash", ".ci/run"], cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done, (folder / "log").read_text().splitlines()


def test_everything_runs_and_the_tests_are_last(tmp_path: Path) -> None:
    done, ran = run(tmp_path, fails="nothing")
    assert (done.returncode, ran[0], ran[-1]) == (0, "sync --locked --quiet --all-groups", "run inv test")
    assert sorted(ran[1:-1]) == sorted(f"run {one}{' --profile reliability' * (one in BEFORE[3:])}" for one in BEFORE)
    assert all(f"output of run {one}" in done.stdout for one in BEFORE)


@pytest.mark.parametrize("fails", ["lint", "typecheck", "docs", "smoke", "rehearse", "test"])
def test_each_failure_ends_it(tmp_path: Path, fails: str) -> None:
    done, ran = run(tmp_path, fails)
    assert (done.returncode, "run inv test" in ran) == (1, fails == "test")
    assert f"output of run inv {fails}" in done.stdout


def test_no_file_is_left(tmp_path: Path) -> None:
    run(tmp_path, fails="lint")
    assert sorted(one.name for one in tmp_path.iterdir()) == [".ci", "chromedriver", "log", "uv"]

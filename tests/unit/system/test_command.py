from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from flowgate.errors import DiskError, ProgramMissing, Unreachable, UsageError
from flowgate.system.command import CommandResult, run
from tests.conftest import wait

ENV = {"PATH": "/usr/bin:/bin"}
SECONDS = f"4711.{os.getpid()}"  # of these tests, whatever else sleeps on this machine
HERE = Path("/")


def sh(text: str, timeout: float | None = None) -> CommandResult:
    return run(["/bin/sh", "-c", text], cwd=HERE, env=ENV, timeout=timeout)


def sleeping(seconds: str) -> list[int]:
    """Return the pids of all `sleep` processes with this argument."""
    found = psutil.process_iter(["cmdline", "status"])
    return [one.pid for one in found if one.info["cmdline"] == ["sleep", seconds] and one.info["status"] != "zombie"]


def test_stdout_and_stderr_are_captured_separately() -> None:
    code = "import sys; sys.stdout.write('o' * 300_000); sys.stderr.write('e' * 300_000); sys.exit(7)"
    ended = run([sys.executable, "-c", code], cwd=HERE, env=ENV)
    assert (ended.code, len(ended.stdout), set(ended.stderr)) == (7, 300_000, {"e"})


def test_the_environment_is_exactly_the_given_one() -> None:
    assert run(["/usr/bin/env"], cwd=HERE, env={"A": "1"}).stdout == "A=1\n"


def test_invalid_utf_8_is_replaced() -> None:
    assert sh("printf 'a\\377b'").stdout == "a\ufffdb"


def test_long_input_is_passed_completely() -> None:
    assert len(run(["cat"], cwd=HERE, env=ENV, stdin="x" * 300_000).stdout) == 300_000


def test_input_that_is_not_read_is_no_error() -> None:
    assert run(["true"], cwd=HERE, env=ENV, stdin="x" * 300_000).code == 0


def test_after_the_timeout_a_command_that_ignores_sigterm_is_killed() -> None:
    started = time.monotonic()
    with pytest.raises(Unreachable, match=r"sh did not end within 0\.3 s"):
        sh(f"trap '' TERM; sleep {SECONDS} & sleep {SECONDS}", timeout=0.3)
    assert wait(lambda: not sleeping(SECONDS))
    assert time.monotonic() - started < 600


def test_a_command_that_cannot_be_started_raises_a_specific_error() -> None:
    with pytest.raises(ProgramMissing):
        run(["/no/such/program"], cwd=HERE, env=ENV)
    with pytest.raises(DiskError, match="/no/such/folder does not exist"):
        run(["true"], cwd=Path("/no/such/folder"), env=ENV)
    with pytest.raises(UsageError, match="cannot be started"):
        run(["true"], cwd=HERE, env={"A": "\0"})

"""A command run to its end, with what it says kept apart: stdout, stderr, exit code."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowgate.errors import Unreachable, UsageError
from flowgate.system.processes import not_started, signal_tree, tree_of

SLICE = 0.2  # seconds of a wait that can be interrupted only in between
GRACE = 2.0  # seconds between asking a command to end and ending it


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended.

    Attributes:
        code: Its exit code; negative for a signal.
        stdout: What it said, whole; bytes that are no UTF-8 are replaced.
        stderr: What it said, whole; bytes that are no UTF-8 are replaced.
    """

    code: int
    stdout: str
    stderr: str


def run(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str | None = None, timeout: float | None = None
) -> CommandResult:
    """Run a command to its end and hear what it says; interrupted, it is ended with all that it started.

    Args:
        argv: The command; argv[0] is looked for on the PATH of `env`.
        cwd: Its working folder.
        env: Its whole environment.
        stdin: What it can read; nothing when absent.
        timeout: Seconds it may take.

    Raises:
        ProgramMissing: It could not be started.
        DiskError: It could not be started.
        EnvironmentFailure: It could not be started.
        Unreachable: After `timeout`.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=str(cwd),
            env=dict(env),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as fault:
        raise not_started(argv[0], cwd, fault) from None
    except ValueError as fault:  # a name with `=`, a NUL, half of a surrogate pair
        raise UsageError(f"{Path(argv[0]).name} cannot be started: {fault}") from None
    try:
        out, err = _hear(process, None if stdin is None else stdin.encode(errors="replace"), timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        raise Unreachable(f"{Path(argv[0]).name} did not end within {timeout:g} s") from None
    except BaseException:
        _end(process)
        raise
    return CommandResult(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def _hear(process: subprocess.Popen[bytes], stdin: bytes | None, timeout: float | None) -> tuple[bytes, bytes]:
    """Wait for a command's end; outside the main thread in slices, between which the thread can be interrupted."""
    if threading.current_thread() is threading.main_thread():
        return process.communicate(stdin, timeout)
    until = None if timeout is None else time.monotonic() + timeout
    while True:
        left = SLICE if until is None else min(SLICE, max(0.0, until - time.monotonic()))
        try:
            return process.communicate(stdin, left)
        except subprocess.TimeoutExpired:
            if until is not None and time.monotonic() >= until:
                raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and whatever it started: first asked, then killed."""
    members = tree_of(process.pid)
    signal_tree(members, signal.SIGTERM)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        members = tree_of(process.pid) or members
    finally:
        signal_tree(members, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

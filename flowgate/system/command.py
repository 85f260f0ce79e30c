"""Run a command and capture its output."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowgate.errors import Unreachable, UsageError
from flowgate.system.processes import signal_tree, tree_of
from flowgate.system.spawn import start_error

SLICE_SECONDS = 0.2  # `deadline` interrupts a thread only between two calls of `communicate`
GRACE_SECONDS = 2.0  # between SIGTERM and SIGKILL


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a command.

    Attributes:
        code: The exit code; negative for a signal.
        stdout: The whole output; invalid UTF-8 is replaced.
        stderr: The whole error output; invalid UTF-8 is replaced.
    """

    code: int
    stdout: str
    stderr: str


def run(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str | None = None, timeout: float | None = None
) -> CommandResult:
    """Run a command to its end. An exception, such as Ctrl-C, ends it together with its child processes.

    Args:
        argv: The command; argv[0] is searched in the PATH of `env`.
        cwd: The working folder.
        env: The complete environment.
        stdin: The input; none by default.
        timeout: Seconds until the command is ended.

    Returns:
        Exit code and output.

    Raises:
        ProgramMissing: The program is missing or cannot be executed.
        DiskError: The working folder is missing.
        EnvironmentFailure: The command could not be started for another reason.
        UsageError: The environment or an argument contains what no process can be given.
        Unreachable: The timeout has passed.
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
    except OSError as error:
        raise start_error(argv[0], cwd, error) from None
    except ValueError as error:  # a name with `=`, a NUL, a lone surrogate
        raise UsageError(f"{Path(argv[0]).name} cannot be started: {error}") from None
    try:
        out, err = _communicate(process, None if stdin is None else stdin.encode(errors="replace"), timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        raise Unreachable(f"{Path(argv[0]).name} did not end within {timeout:g} s") from None
    except BaseException:
        _end(process)
        raise
    return CommandResult(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def _communicate(process: subprocess.Popen[bytes], stdin: bytes | None, timeout: float | None) -> tuple[bytes, bytes]:
    """Wait for the end of a command: outside the main thread in slices, so that `deadline` can interrupt it."""
    if threading.current_thread() is threading.main_thread():
        return process.communicate(stdin, timeout)
    until = None if timeout is None else time.monotonic() + timeout
    while True:
        left = SLICE_SECONDS if until is None else min(SLICE_SECONDS, max(0.0, until - time.monotonic()))
        try:
            return process.communicate(stdin, left)
        except subprocess.TimeoutExpired:
            if until is not None and time.monotonic() >= until:
                raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and its child processes: SIGTERM first, then SIGKILL."""
    members = tree_of(process.pid)
    signal_tree(members, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        members = tree_of(process.pid) or members
    finally:
        signal_tree(members, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

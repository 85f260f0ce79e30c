"""Run a command that ends with this process, even if this process is killed, and whose files are private."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from flowgate.errors import Unreachable
from flowgate.system import command
from flowgate.system.command import CommandResult
from flowgate.system.spawn import start_error

# Run by a Python of its own, in 15 ms: code between fork and exec is unsafe where threads run. Source: prctl(2)
BEGIN = """
import ctypes, os, signal, sys
os.umask(0o077)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(143)
try:
    os.execvpe(sys.argv[2], sys.argv[2:], os.environ)
except OSError as error:
    sys.exit(f"flowgate-cannot-execute {error.errno}")
"""
CANNOT_EXECUTE = "flowgate-cannot-execute "


def run(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> CommandResult:
    """Run a command to its end. It ends with this process, even if that is killed (on Linux).

    Args:
        argv: The command; argv[0] is searched in the PATH of `env`.
        cwd: The working folder.
        env: The complete environment.
        timeout: Seconds until it is ended.

    Returns:
        Exit code and output.

    Raises:
        ProgramMissing: The program is missing or cannot be executed.
        Unreachable: The time limit has passed.
        DiskError: The working folder is missing.
    """
    begin = [sys.executable, "-I", "-S", "-c", BEGIN, str(os.getpid())]
    try:
        ran = command.run([*begin, *argv], cwd=cwd, env=env, timeout=timeout)
    except Unreachable:
        raise Unreachable(f"{Path(argv[0]).name} did not end within {timeout:g} s") from None
    if ran.code == 1 and ran.stderr.startswith(CANNOT_EXECUTE):
        number = int(ran.stderr.removeprefix(CANNOT_EXECUTE))
        raise start_error(argv[0], cwd, OSError(number, os.strerror(number), argv[0]))
    return ran

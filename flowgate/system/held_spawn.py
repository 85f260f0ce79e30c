"""Start a program in two stages: the process exists first, and executes its program once it has been recorded.

A process whose parent ends before the release goes away by itself, without having executed anything, so no process
is ever lost between its start and the record through which it is found. `spawn` is for processes that need no record.

Forks: for a process with one thread only.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from flowgate.errors import EnvironmentFailure
from flowgate.system import subreaper
from flowgate.system.processes import Identity, identify
from flowgate.system.spawn import open_log, start_error

EXECUTE_SECONDS = 5.0  # a process that is stopped before its program started is noticed elsewhere
HANDLED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ)
FOLDER, PROGRAM = "folder", "program"


@dataclass(frozen=True, slots=True)
class HeldProcess:
    """A process that has not executed its program yet.

    Attributes:
        identity: The process; the same before and after `release`.
        program: The program that it will execute.
        cwd: Its working folder.
        permission: Pipe into which `release` writes.
        failure: Pipe from which the reason is read why the program could not be executed.
    """

    identity: Identity
    program: str
    cwd: Path
    permission: int
    failure: int

    def release(self) -> None:
        """Let the process execute its program.

        Raises:
            ProgramMissing: The program is missing or cannot be executed.
            DiskError: The working folder is missing.
            EnvironmentFailure: It could not be started for another reason.
        """
        with contextlib.suppress(BrokenPipeError):  # killed meanwhile; that is noticed like any other end
            os.write(self.permission, b"go")
        os.close(self.permission)
        readable, _, _ = select.select([self.failure], [], [], EXECUTE_SECONDS)
        words = os.read(self.failure, 200).decode().split() if readable else []
        os.close(self.failure)
        if words:
            subreaper.reap(self.identity.pid)
            number, where = int(words[0]), words[1]
            path = str(self.cwd) if where == FOLDER else self.program
            raise start_error(self.program, self.cwd, OSError(number, os.strerror(number), path))

    def discard(self) -> None:
        """End the process, which has not executed its program."""
        os.close(self.permission)
        os.close(self.failure)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.identity.pid, signal.SIGKILL)
        subreaper.reap(self.identity.pid)


def hold(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: Path, pass_fds: Sequence[int] = ()
) -> HeldProcess:
    """Create a process in its own session, which waits for `release` before it executes a program.

    Args:
        argv: The command; argv[0] is an absolute path.
        cwd: The working folder.
        env: The complete environment.
        output: The file (0600) to which stdout and stderr are appended.
        pass_fds: File descriptors that the program inherits under the same numbers.

    Returns:
        The process, which has to be released or discarded.

    Raises:
        DiskError: `output` cannot be written.
        EnvironmentFailure: The system has no process left.
    """
    log = open_log(output)
    permission, failure = os.pipe(), os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # until the child has its own handlers
    try:
        pid = os.fork()
        if pid == 0:
            os.close(permission[1])
            os.close(failure[0])
            _execute(argv, cwd, env, (permission[0], failure[1], log, *pass_fds), before)
    except OSError as error:
        os.close(permission[1])
        os.close(failure[0])
        raise EnvironmentFailure(f"{argv[0]} could not be started: {error.strerror}") from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for descriptor in (permission[0], failure[1], log):
            os.close(descriptor)
    return HeldProcess(identify(pid) or Identity(pid, 0), argv[0], cwd, permission[1], failure[0])


def _execute(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    descriptors: Sequence[int],
    signals: set[int | signal.Signals],
) -> NoReturn:
    """Wait for the permission, then execute the program; in the child."""
    where = PROGRAM
    permission, failure, log, *passed = descriptors
    try:
        signal.set_wakeup_fd(-1)  # its bytes would wake the parent
        for number in HANDLED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        os.setsid()
        os.umask(0o077)
        if not os.read(permission, 1):  # the parent has ended, or changed its mind
            os._exit(0)
        where = FOLDER
        os.chdir(cwd)
        where = PROGRAM
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        _pass_on(passed)
        os.execve(argv[0], list(argv), dict(env))  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(failure, f"{error.errno} {where}".encode())
    finally:
        os._exit(127)


def _pass_on(descriptors: Sequence[int]) -> None:
    """Let the program inherit these descriptors and its three streams, and nothing else."""
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - names, not paths
        with contextlib.suppress(OSError):  # the descriptor of the listing itself
            if int(name) > 2:
                os.set_inheritable(int(name), int(name) in descriptors)

"""The processes of `inv` in the tests: forks of one process that has imported everything, or processes of their own.

A fork takes a fraction of the time, since Python does not start and nothing is imported. What a command can see is the
same, except what is read when Python starts: where the environment says something about that, Python starts.
`FLOWGATE_TEST_REAL_INV=1` starts Python for each command. Only Linux forks: libraries of macOS fail in a process that
forked without running another program.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests import warm_server
from tests.warm_server import LENGTH, REPLY, Request

CHECKOUT = Path(__file__).resolve().parent.parent
INVOKE = (sys.executable, "-m", "invoke")
SWITCH = "FLOWGATE_TEST_REAL_INV"
# Variables that are read when a process starts: by Python, the C library, the dynamic linker or coverage.
READ_AT_START = ("PYTHON", "LC_", "LD_", "GLIBC_", "MALLOC_", "COVERAGE_")
SLICE_SECONDS = 0.1


@dataclass
class ForkedCommand:
    """A fork that runs `inv`: what the tests use of `subprocess.Popen`."""

    args: Sequence[str]
    channel: socket.socket
    pid: int = 0
    returncode: int | None = None
    _signals: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while the command runs."""
        while self.returncode is None and self.reads(0):
            pass
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the command has ended; return its exit code, negative for a signal."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = SLICE_SECONDS if until is None else min(until - time.monotonic(), SLICE_SECONDS)
            if not self.reads(max(left, 0)) and left <= 0:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the command; the server does it, which knows whether the pid is still the command's."""
        before = self._signals
        if self.poll() is not None:
            return
        try:
            self.channel.sendall(bytes([number]))
        except OSError:  # it has just ended
            self.wait()
        while self._signals == before and self.returncode is None:
            self.reads(SLICE_SECONDS)

    def terminate(self) -> None:
        """Ask the command to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the command at once."""
        self.send_signal(signal.SIGKILL)

    def reads(self, seconds: float) -> bool:
        """Read a message of the server if one comes in time; return whether one came."""
        with self._lock:
            if self.returncode is not None:
                return False
            poll = select.poll()
            poll.register(self.channel, select.POLLIN)
            if not poll.poll(seconds * 1000):
                return False
            message = self.channel.recv(REPLY.size, socket.MSG_WAITALL)
            if len(message) < REPLY.size:
                self.channel.close()
                raise RuntimeError(f"{warm_server.__name__} has ended; {SWITCH}=1 does without it")
            kind, number = REPLY.unpack(message)
            if kind == warm_server.STARTED:
                self.pid = number
            elif kind == warm_server.SIGNALLED:
                self._signals += 1
            else:
                self.returncode = number
                self.channel.close()
            return True


@dataclass
class WarmServer:
    """The process that forks the commands of this test process; started by the first one."""

    _process: subprocess.Popen[bytes] | None = None
    _control: socket.socket | None = None
    _lang: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Return whether a fork does the same as a process with this environment."""
        if sys.platform != "linux" or os.environ.get(SWITCH, "0") not in ("", "0"):
            return False
        if any(name.startswith(READ_AT_START) for name in environment):
            return False
        return self._process is None or environment.get("LANG") == self._lang

    def start(self, argv: Sequence[str], environment: Mapping[str, str], out: IO[str], err: IO[str]) -> ForkedCommand:
        """Start `inv` in the checkout; see `start_forked`."""
        umask = os.umask(0o077)
        os.umask(umask)
        request = Request(argv=list(argv), environment=dict(environment), folder=str(CHECKOUT), umask=umask)
        body = json.dumps(request).encode()
        own, other = socket.socketpair()
        with self._lock, other:
            control = self._running(environment)
            socket.send_fds(control, [LENGTH.pack(len(body))], [0, out.fileno(), err.fileno(), other.fileno()])
            control.sendall(body)
        command = ForkedCommand(argv, own)
        while not command.pid:
            command.reads(SLICE_SECONDS)
        return command

    def _running(self, environment: Mapping[str, str]) -> socket.socket:
        if self._control is None:
            self._control, other = socket.socketpair()
            kept = {name: environment[name] for name in ("PATH", "LANG") if name in environment}
            argv = [sys.executable, "-m", warm_server.__name__, str(other.fileno())]
            with other:
                self._process = subprocess.Popen(argv, cwd=CHECKOUT, env=kept, pass_fds=[other.fileno()])
            self._lang = environment.get("LANG")
        return self._control

    @property
    def pid(self) -> int:
        """Return the pid of the process; 0 if no command has started it."""
        return self._process.pid if self._process else 0

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._control is not None:
            self._control.close()
            self._process.wait()
            self._process = self._control = None


WARM_SERVER = WarmServer()


def start_forked(
    argv: Sequence[str], environment: Mapping[str, str], out: IO[str], err: IO[str]
) -> subprocess.Popen[str] | ForkedCommand:
    """Start `inv` in the checkout, as a fork if a fork does the same.

    Args:
        argv: INVOKE and the words after it.
        environment: Its whole environment.
        out: File of its output.
        err: File of its error output.
    """
    start = WARM_SERVER.start if WARM_SERVER.fits(environment) else start_process
    return start(argv, environment, out, err)


def start_process(
    argv: Sequence[str], environment: Mapping[str, str], out: IO[str], err: IO[str]
) -> subprocess.Popen[str]:
    """Start a program in the checkout; see `start_forked`."""
    return subprocess.Popen(argv, cwd=CHECKOUT, env=environment, stdout=out, stderr=err, text=True)

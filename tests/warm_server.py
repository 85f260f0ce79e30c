"""A process that has imported everything and runs each `inv` of the tests in a fork of itself.

`python -m tests.warm_server DESCRIPTOR`: the descriptor is a socket over which `tests/commands.py` sends commands.
The process ends when the other side of that socket is closed, also because the tests were killed. It has one thread, so
that it may fork.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import TypedDict

from flowgate.gateway import litellm_declarations

LENGTH, REPLY = struct.Struct("!I"), struct.Struct("!ci")
STARTED, SIGNALLED, ENDED = b"p", b"s", b"e"
STREAMS = 3  # descriptors of a command; one more is the socket over which it is signalled
HIGHEST_DESCRIPTOR = 1024
ADDED = ("LC_CTYPE",)  # by Python at its start where there is no LANG (PEP 538)
OTHER_PROGRAM = "flowgate.embedded_upstream"
# What commands import only when they need it, apart from FlowGate's own modules.
LIBRARIES = (
    *("docstring_parser", "importlib.metadata", "jinja2.sandbox", "packaging.version", "platformdirs", "psutil"),
    *("pyrage", "requests", "rich.console", "rich.live", "rich.progress", "rich.table", "rich.text", "tenacity"),
    *("dev.invoke_tasks", "difflib", "getpass", "invoke.main", "sqlite3", "traceback", "uuid", "webbrowser"),
)


class Request(TypedDict):
    """A command to run."""

    argv: list[str]
    environment: dict[str, str]
    folder: str
    umask: int


@dataclass
class Server:
    """Forks commands, signals them and tells how they ended."""

    control: socket.socket
    selector: selectors.BaseSelector = field(default_factory=selectors.PollSelector)
    running: dict[int, socket.socket] = field(default_factory=dict)

    def serve(self) -> Request | None:
        """Return None when the tests have ended, and in each forked process its request."""
        with _children_noticed() as ended:
            self.selector.register(self.control, selectors.EVENT_READ)
            self.selector.register(ended, selectors.EVENT_READ)
            while True:
                for key, _ in self.selector.select():
                    if key.fileobj is ended:
                        ended.recv(4096)
                        self._reap()
                    elif key.fileobj is not self.control:
                        self._signal(key.data)
                    elif (received := self._receive()) is None:
                        return None
                    elif self._fork(received[1]):
                        return received[0]

    def _receive(self) -> tuple[Request, list[int]] | None:
        head, descriptors, _, _ = socket.recv_fds(self.control, LENGTH.size, STREAMS + 1)
        if len(head) < LENGTH.size:
            return None
        length, body = LENGTH.unpack(head)[0], b""
        while len(body) < length:
            more = self.control.recv(length - len(body))
            if not more:
                return None
            body += more
        return json.loads(body), descriptors

    def _fork(self, descriptors: list[int]) -> bool:
        """Fork; return whether this is the forked process."""
        pid = os.fork()
        if not pid:
            self.selector.close()
            for own in (self.control, *self.running.values()):
                own.close()
            for number, one in enumerate(descriptors[:STREAMS]):
                os.dup2(one, number)
            return True
        for one in descriptors[:STREAMS]:
            os.close(one)
        self.running[pid] = socket.socket(fileno=descriptors[STREAMS])
        self.selector.register(self.running[pid], selectors.EVENT_READ, pid)
        self._tell(pid, STARTED, pid)
        return False

    def _signal(self, pid: int) -> None:
        """Send a signal to a command. It is reaped only here, so its pid is not yet another process's."""
        if pid not in self.running:
            return
        received = b""
        with contextlib.suppress(OSError):
            received = self.running[pid].recv(1)
        if received:
            os.kill(pid, received[0])
            self._tell(pid, SIGNALLED, 0)
        else:  # nobody wants to know any more
            self.selector.unregister(self.running[pid])

    def _reap(self) -> None:
        for pid, told in list(self.running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._tell(pid, ENDED, os.waitstatus_to_exitcode(status))
                with contextlib.suppress(KeyError):
                    self.selector.unregister(told)
                self.running.pop(pid).close()

    def _tell(self, pid: int, kind: bytes, number: int) -> None:
        with contextlib.suppress(OSError):
            self.running[pid].sendall(REPLY.pack(kind, number))


@contextlib.contextmanager
def _children_noticed() -> Iterator[socket.socket]:
    """Yield a socket that can be read when a child has ended; undone also in a forked process."""
    read, write = socket.socketpair()
    for one in (read, write):
        one.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
    try:
        yield read
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        read.close()
        write.close()


def import_all(package: ModuleType) -> None:
    """Import the modules of a package, except the embedded upstream: a program of its own, which nobody imports."""
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if found.name != OTHER_PROGRAM:
            module = importlib.import_module(found.name)
            if found.ispkg:
                import_all(module)


def become(request: Request) -> None:
    """Make this process the one that `python -m invoke` would be."""
    os.closerange(STREAMS, HIGHEST_DESCRIPTOR)
    added = {name: os.environ[name] for name in ADDED if name in os.environ}
    os.environ.clear()
    os.environ.update(request["environment"] | added)
    time.tzset()
    os.umask(request["umask"])
    os.chdir(request["folder"])
    sys.orig_argv[:] = request["argv"]
    sys.argv[1:] = request["argv"][3:]  # after "python -m invoke"
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end(code: str | int | None) -> None:
    """End as Python does, without taking all modules apart: that would take longer than most commands.

    Where more than an exit code is left, such as a thread, nothing happens, and Python ends the process.
    """
    if threading.active_count() == 1 and not isinstance(code, str):
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit((code or 0) & 0xFF)
    sys.exit(code)


def main() -> None:
    """Serve; in a forked process run `inv`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C in the terminal is for the tests
    import_all(importlib.import_module("flowgate"))
    for name in LIBRARIES:
        importlib.import_module(name)
    litellm_declarations.of_installed()  # the same for each command, as no test changes what is installed
    gc.collect()
    gc.freeze()  # a collection in a fork would copy all pages
    request = Server(socket.socket(fileno=int(sys.argv[1]))).serve()
    if request is None:
        return
    become(request)
    try:
        runpy.run_module("invoke", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        end(ended.code)


if __name__ == "__main__":
    main()

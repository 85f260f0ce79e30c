"""A program not yet believed: run once in an empty place, with an empty environment, a time limit and a size limit."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from flowgate.system.clock import Clock, poll
from flowgate.system.disk_errors import make_private_folder, translate_os_errors
from flowgate.system.processes import alive, identify, signal_tree, spawn, tree_of

MOST_OUTPUT = 1 << 20  # bytes; whoever says more is stopped
EXCERPT = 64 << 10


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """How a trial run went.

    Attributes:
        code: The exit code; negative for a signal; None when it had to be stopped.
        output: What it said on stdout and stderr, the first 64 KiB.
    """

    code: int | None
    output: str

    def describe_exit(self) -> str:
        """Say how it ended, in a few words."""
        if self.code is None:
            return "did not end by itself"
        return f"was ended by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"


def machine() -> tuple[str, str]:
    """Give the system and the processor as `uname` names them ("Linux", "x86_64")."""
    about = os.uname()
    return about.sysname, about.machine


def run_once(program: Path, *words: str, folder: Path, seconds: float, clock: Clock) -> SandboxResult:
    """Run a program once and hear what it says; whatever it started is ended too.

    Args:
        folder: An empty working folder, made when absent; its home as well.
        seconds: How long it may take.

    Raises:
        ProgramMissing: It cannot be executed here.
        DiskError: See the message.
    """
    make_private_folder(folder)
    output = folder / "output"
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}
    process = spawn([str(program), *words], cwd=folder, env=env, output=output)
    identity = identify(process.pid)

    def has_ended() -> bool:  # looked at, not reaped: once it is reaped, nobody knows whom it has left behind
        return identity is None or not alive(identity)

    def is_over() -> bool:
        return has_ended() or output.stat().st_size > MOST_OUTPUT

    ended = False
    try:
        poll(is_over, clock, every=0.01, ceiling=0.1, timeout=seconds)
        ended = has_ended()
    finally:
        signal_tree(tree_of(process.pid), signal.SIGKILL)
        status = process.wait()
    with translate_os_errors(output), output.open("rb") as file:
        return SandboxResult(status if ended else None, file.read(EXCERPT).decode(errors="replace"))

"""Run an untrusted program once: in an empty folder, without our environment, with limits on time and output."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from flowgate.system.clock import Clock, poll
from flowgate.system.disk_errors import make_private_folder, translate_os_errors
from flowgate.system.processes import alive, identify, signal_tree, spawn, tree_of
from flowgate.system.regular_files import open_regular

MAX_OUTPUT = 1 << 20  # bytes; a program that prints more is ended
EXCERPT = 64 << 10  # bytes


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """The result of a run.

    Attributes:
        code: The exit code; negative for a signal; None if the program had to be ended.
        output: The first 64 KiB of stdout and stderr.
    """

    code: int | None
    output: str

    def describe_exit(self) -> str:
        """Return the rest of a sentence that begins with the program."""
        if self.code is None:
            return "did not exit"
        return f"was ended by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"


def machine() -> tuple[str, str]:
    """Return system and processor type as `uname` names them: ("Linux", "x86_64")."""
    name = os.uname()
    return name.sysname, name.machine


def run_once(program: Path, *words: str, folder: Path, seconds: float, clock: Clock) -> SandboxResult:
    """Run a program once, and end it together with its child processes.

    Args:
        program: The program.
        words: Its arguments.
        folder: Its working folder and home; created if it is missing.
        seconds: The time limit.
        clock: Measures and waits.

    Returns:
        Exit code and output.

    Raises:
        ProgramMissing: It cannot be executed on this machine.
        DiskError: The folder cannot be written.
    """
    make_private_folder(folder)
    output = folder / "output"
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}
    process = spawn([str(program), *words], cwd=folder, env=env, output=output)
    identity = identify(process.pid)

    def has_ended() -> bool:  # not reaped yet: after that its child processes could not be found
        return identity is None or not alive(identity)

    def is_over() -> bool:
        return has_ended() or output.stat().st_size > MAX_OUTPUT

    ended = False
    try:
        poll(is_over, clock, every=0.01, ceiling=0.1, timeout=seconds)
        ended = has_ended()
    finally:
        signal_tree(tree_of(process.pid), signal.SIGKILL)
        status = process.wait()
    with translate_os_errors(output), os.fdopen(open_regular(output), "rb") as file:
        return SandboxResult(status if ended else None, file.read(EXCERPT).decode(errors="replace"))

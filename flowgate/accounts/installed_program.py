"""What the installed CLIProxyAPIPlus says of itself: its version, and the flags of its command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from flowgate.errors import FlowGateError
from flowgate.gateway import release_assets, upstream_command, upstream_version
from flowgate.system import sandboxed_run, tempdirs
from flowgate.system.clock import Clock

FLAG = re.compile(r"^\s+-([a-z][\w-]*)", re.MULTILINE)
SECONDS = 5.0


class InstalledProgram(NamedTuple):
    """A program.

    Attributes:
        version: Its version; empty if it is not known.
        flags: The names of its flags; None if they are not known.
    """

    version: str
    flags: frozenset[str] | None

    def has_flag(self, flag: str) -> bool | None:
        """Return whether it has a flag (`-codex-login`); None if that is not known."""
        return None if self.flags is None else flag.lstrip("-") in self.flags


def recorded(version: str) -> InstalledProgram:
    """Return what is known of a version.

    Args:
        version: The version, as the program reports it; empty if it is not known.
    """
    line = upstream_version.line(version)
    return InstalledProgram(version, upstream_command.flags_of(line) if line else None)


def ask(program: Path, version: str, clock: Clock) -> InstalledProgram:
    """Ask a program with `-h`, in an empty folder; one that does not answer as CLIProxyAPIPlus does is not believed.

    Args:
        program: The program; it is run only if its name is one that CLIProxyAPIPlus has.
        version: The version that was recorded when it was installed, for one that cannot be asked.
        clock: Measures and waits.
    """
    if not upstream_command.PROGRAM.fullmatch(program.name) or not program.is_file():
        return recorded(version)
    try:
        with tempdirs.folder("flowgate-flags-") as folder:
            ran = sandboxed_run.run_once(program, "-h", folder=folder, seconds=SECONDS, clock=clock)
    except FlowGateError:  # it cannot be run here; `doctor` says why
        return recorded(version)
    reported = release_assets.reported_version(ran.output)
    flags = frozenset(FLAG.findall(ran.output))
    if ran.code != 0 or not reported or "config" not in flags:
        return recorded(version)
    return InstalledProgram(reported, flags)

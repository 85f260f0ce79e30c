"""Where the service manager of this machine looks for a service, and the commands that reach it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import join

from flowgate.cli import console
from flowgate.errors import EnvironmentFailure, FlowGateError
from flowgate.system import command, own_process

SYSTEM_UNITS, SYSTEM_PLISTS = Path("/etc/systemd/system"), Path("/Library/LaunchDaemons")
ASK_SECONDS = 10.0
MANAGER_SECONDS = 1200.0  # `systemctl start` waits for READY, `disable --now` for the drain


@dataclass(frozen=True, slots=True)
class Place:
    """Where the service manager of this machine looks for a service.

    Attributes:
        name: Name of the service.
        path: The file.
        system: It is a service of the whole system, not of the user.
        launchd: The manager is launchd, not systemd.
    """

    name: str
    path: Path
    system: bool
    launchd: bool

    @property
    def manager(self) -> tuple[str, ...]:
        """The first words of a command of the manager."""
        return ("launchctl",) if self.launchd else ("systemctl",) if self.system else ("systemctl", "--user")

    def starting(self) -> list[tuple[str, ...]]:
        """Return the commands that start the service now and at each boot."""
        if self.launchd:
            return [("launchctl", "bootstrap", self._domain, str(self.path))]
        return [(*self.manager, "daemon-reload"), (*self.manager, "enable", "--now", f"{self.name}.service")]

    def start_words(self) -> str:
        """Return the command that starts the service now, as one text."""
        words = self.starting()[0] if self.launchd else (*self.manager, "start", self.name)
        return join(words)

    def stopping(self) -> list[tuple[str, ...]]:
        """Return the commands that stop the service, before its file is deleted."""
        if self.launchd:
            return [("launchctl", "bootout", f"{self._domain}/flowgate.{self.name}")]
        return [(*self.manager, "disable", "--now", f"{self.name}.service")]

    @property
    def _domain(self) -> str:
        return "system" if self.system else f"gui/{own_process.own_uid()}"


def place(name: str, system: bool, environment: Mapping[str, str], platform: str = sys.platform) -> Place:
    """Return where a service belongs.

    Args:
        name: Name of the service.
        system: It is a service of the whole system.
        environment: The command's own environment variables.
        platform: The operating system.
    """
    launchd = platform == "darwin"
    if launchd:
        folder = SYSTEM_PLISTS if system else Path.home() / "Library" / "LaunchAgents"
        return Place(name, folder / f"flowgate.{name}.plist", system, launchd)
    configs = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    folder = SYSTEM_UNITS if system else configs / "systemd" / "user"
    return Place(name, folder / f"{name}.service", system, launchd)


def is_reachable(found: Place) -> bool:
    """Return whether the service manager takes commands from here; in a container it usually does not."""
    words = ("launchctl", "version") if found.launchd else (*found.manager, "show", "--property=Version")
    try:
        return command.run(words, cwd=Path.home(), env=own_process.own_variables(), timeout=ASK_SECONDS).code == 0
    except FlowGateError:
        return False


def run(commands: Iterable[tuple[str, ...]]) -> None:
    """Run commands of the service manager.

    Args:
        commands: The commands.

    Raises:
        EnvironmentFailure: One failed.
    """
    for words in commands:
        console.note(f"~ {join(words)}")
        done = command.run(words, cwd=Path.home(), env=own_process.own_variables(), timeout=MANAGER_SECONDS)
        if done.code:
            raise EnvironmentFailure(f"{join(words)} failed: {done.stderr.strip()}")


def say(why: str, commands: Iterable[tuple[str, ...]]) -> None:
    """Print commands that the user can type.

    Args:
        why: What they are for.
        commands: The commands.
    """
    console.note(why)
    for words in commands:
        console.note(f"    {join(words)}")


def say_unreachable(commands: Iterable[tuple[str, ...]]) -> None:
    """Print commands for the place where the service manager runs.

    Args:
        commands: The commands.
    """
    say("the service manager cannot be reached from here; where it runs, type:", commands)

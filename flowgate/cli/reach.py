"""Where a command finds nothing that runs: which other gateway of this user does, and how to reach it."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from flowgate.cli import console
from flowgate.system import locations

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from flowgate.supervisor.stacks import Stack

MAX_NAMED = 3  # of the gateways that a note names


def command_for(stack: Stack) -> str:
    """Return the beginning of a command for another gateway; empty if none reaches it.

    Args:
        stack: The gateway.
    """
    if not stack.config or stack.is_rehearsal or not Path(stack.config).is_file():
        return ""
    config = Path(stack.config)
    name = console.program()
    if config.parts[-2:] == ("examples", "embedded.yaml") and config != locations.examples() / config.name:
        # The embedded default of another installation: its folders are where that installation is.
        checkout = config.parents[2]
        return f"cd {quote(str(checkout))} && {name}" if (checkout / "tasks.py").is_file() else ""
    return f"FLOWGATE_CONFIG={quote(stack.config)} inv" if name == "inv" else f"flowgate --config {quote(stack.config)}"


def others(session: Session) -> list[Stack]:
    """Return the gateways of this user that run from other runtime folders, the newest first.

    Args:
        session: Config and supervisor.
    """
    from flowgate.supervisor import stacks

    own = session.config.paths.runtime_dir
    found = reversed(stacks.running(ask=False))
    return [one for one in found if one.runtime != own and not one.is_rehearsal and one.services]


def print_others(session: Session, words: str) -> None:
    """Print which other gateways of this user run, for a command that found nothing running.

    Args:
        session: Config and supervisor.
        words: The command as `inv` spells it, without the program: "service.logs litellm".
    """
    for line in lines(session, words):
        console.note(line)


def lines(session: Session, words: str) -> list[str]:
    """Return what `print_others` prints: a note and a command for each gateway.

    Args:
        session: Config and supervisor.
        words: The command as `inv` spells it, without the program: "service.logs litellm".
    """
    found, spelled = [], words if console.runs_as_inv() else words.replace(".", " ")
    for one in others(session)[:MAX_NAMED]:
        profile = f", profile {one.profile}" if one.profile else ""
        at = next((f", at http://{service.host}:{service.port}" for service in one.services), "")
        found.append(f"note: another FlowGate of yours runs: that of {one.config or one.runtime}{profile}{at}")
        if command := command_for(one):
            found.append(f"  fix: {command} {spelled}")
    return found


def fix(session: Session, words: str) -> str:
    """Return what to do about a gateway that does not run: start it, or use the one that does.

    Args:
        session: Config and supervisor.
        words: The command as `inv` spells it, without the program.
    """
    found = [command for one in others(session) if (command := command_for(one))]
    return f"inv up; another FlowGate of yours runs: {found[0]} {words}" if found else "inv up"

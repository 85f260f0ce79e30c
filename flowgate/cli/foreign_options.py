"""Options of invoke that somebody types after a task: they have no effect there, or belong in front."""

from __future__ import annotations

from flowgate.cli import console
from flowgate.errors import UsageError

# Options about the shell commands of invoke's tasks. FlowGate's tasks run none through invoke.
WITHOUT_EFFECT = ("command-timeout", "echo", "hide", "prompt-for-sudo-password", "pty", "warn-only")
# Options that invoke itself takes, only before the first task.
IN_FRONT = (
    *("collection", "complete", "debug", "list", "list-depth", "list-format", "no-dedupe", "print-completion-script"),
    *("search-root", "version", "write-pyc"),
)
SHORT = {
    "-T": "command-timeout",
    "-e": "echo",
    "-p": "pty",
    "-w": "warn-only",
    "-c": "collection",
    "-d": "debug",
    "-l": "list",
    "-D": "list-depth",
    "-F": "list-format",
    "-r": "search-root",
    "-V": "version",
}


def refusal(flag: str) -> UsageError | None:
    """Return the error for an option of invoke; None if it is not invoke's.

    Args:
        flag: The typed option.
    """
    name = SHORT.get(flag, flag.removeprefix("--") if flag.startswith("--") else "")
    typed = flag if flag.startswith("--") else f"{flag} (--{name})"
    if name in WITHOUT_EFFECT:
        return UsageError(f"invoke's option {typed} has no effect on FlowGate's tasks", fix="leave it out")
    if name in IN_FRONT:
        if console.runs_as_inv():
            return UsageError(f"{typed} is an option of invoke's, and goes before the task", fix=f"inv --{name}")
        fix = {"list": "flowgate --help", "version": "flowgate --version"}.get(name, "leave it out")
        return UsageError(f"{typed} is an option of invoke's", fix=fix)
    return None

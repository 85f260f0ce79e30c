"""`--dry`: predict what a command would change. It is check mode for commands that run a playbook."""

from __future__ import annotations

from collections.abc import Sequence

from flowgate.cli.argv import Call
from flowgate.errors import UsageError

# Tasks that have check mode: those that run a playbook, and those that write the files of client programs.
CHECKED = frozenset(
    [
        *("up", "down", "smoke", "play", "profile.set"),
        *("service.start", "service.stop", "service.restart", "service.reload"),
        *("client.add", "client.remove"),
        *("bootstrap.download", "bootstrap.rollback", "litellm.upgrade", "litellm.rollback"),
    ]
)
# Tasks that only read, and the flags with which they change something.
READING = {
    **dict.fromkeys(("status", "health", "explain", "usage", "events", "steps"), ""),
    **dict.fromkeys(("completion", "key.path", "service.logs"), ""),
    "client.list": "",
    **dict.fromkeys(("profile.list", "profile.show", "profile.diff", "auth.list", "auth.status", "security.check"), ""),
    "doctor": "fix",
    "cooldowns": "clear",
}


def refuse_changes(calls: Sequence[Call]) -> None:
    """Refuse a task that would change something and cannot predict it.

    Args:
        calls: The tasks of the command line.

    Raises:
        UsageError: One of them has no check mode.
    """
    for call in calls:
        if call.task in CHECKED:
            continue
        changing = READING.get(call.task)
        title = call.task.replace(".", " ")
        if changing is None:
            raise UsageError(f"'{title}' cannot be run with --dry: it has no check mode", fix="leave --dry out")
        if changing and changing in call.values:
            what = f"'{title} --{changing}' cannot be run with --dry: it has no check mode"
            raise UsageError(what, fix=f"leave --dry or --{changing} out")

"""`--dry`: predict what a command would change. It is check mode for commands that run a playbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowgate.errors import UsageError

# Tasks that have check mode: those that run a playbook, and those that write the files of client programs.
CHECKED = frozenset(
    [
        *("up", "down", "smoke", "play", "profile.set"),
        *("service.start", "service.stop", "service.restart", "service.reload"),
        *("client.add", "client.remove", "service.install", "service.uninstall", "backup", "restore", "uninstall"),
        *("export.kubernetes", "export.compose", "export.systemd", "export.ansible"),
        *("bootstrap.download", "bootstrap.rollback", "litellm.upgrade", "litellm.rollback"),
    ]
)
# Tasks that only read, and the flags with which they change something.
READING = {
    **dict.fromkeys(("status", "stacks", "health", "explain", "usage", "audit", "budgets", "quota"), ""),
    **dict.fromkeys(("top", "events", "steps", "fleet.status"), ""),
    **dict.fromkeys(("completion", "key.path", "service.logs"), ""),
    **dict.fromkeys(("client.list", "bootstrap.sources", "litellm.list"), ""),
    **dict.fromkeys(("profile.list", "profile.show", "profile.diff", "auth.list", "auth.status", "security.check"), ""),
    "doctor": "fix",
    "cooldowns": "clear",
}
# Words for check mode elsewhere: in `play` and Ansible, in make, apt, rsync and git.
PREDICT = ("--check", "--check-mode", "--dry-run", "--dryrun", "--simulate", "--just-print", "--plan")
SHOW_LINES = "--diff"
MEANING = "predict the changes and make none"


def refuse_changes(calls: Sequence[tuple[str, Mapping[str, object]]]) -> None:
    """Refuse a task that would change something and cannot predict it.

    Args:
        calls: The tasks of the command line, each with the values of its arguments.

    Raises:
        UsageError: One of them has no check mode.
    """
    for task, values in calls:
        if task in CHECKED:
            continue
        changing = READING.get(task)
        title = task.replace(".", " ")
        if changing is None:
            raise UsageError(f"'{title}' cannot be run with --dry: it has no check mode", fix="leave --dry out")
        if changing and changing in values:
            what = f"'{title} --{changing}' cannot be run with --dry: it has no check mode"
            raise UsageError(what, fix=f"leave --dry or --{changing} out")


def is_accepted(task: str) -> bool:
    """Return whether `--dry` may be typed with a task.

    Args:
        task: Its dotted name.
    """
    return task in CHECKED or task in READING


def meant(task: str, flag: str) -> UsageError | None:
    """Return the error for an option that means check mode elsewhere; None if it means nothing of that kind.

    Args:
        task: The dotted name of the task that does not have the option; empty before the first task.
        flag: The typed option.
    """
    if flag not in (*PREDICT, SHOW_LINES):
        return None
    if not task:
        return UsageError(
            f"no option is called '{flag}'", fix="--dry predicts the changes of a task: inv up --dry, for example"
        )
    title = task.replace(".", " ")
    what = f"no option of '{title}' is called '{flag}'"
    if task in READING:
        changing = READING[task]
        only = f" without --{changing}" if changing else ""
        return UsageError(what, fix=f"leave it out: '{title}'{only} changes nothing")
    if task not in CHECKED:
        return UsageError(what, fix=f"leave it out: '{title}' cannot predict what it would change")
    if flag in PREDICT:
        return UsageError(what, fix=f"--dry predicts the changes: inv {task} --dry")
    return UsageError(what, fix="--dry names the changes; only the task play shows lines: inv play NAME --check --diff")

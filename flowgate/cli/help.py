"""The output of `flowgate --help` for everything, a group or a task; made from the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from flowgate.cli import argv, console, dry_run
from flowgate.cli.argv_words import PASSED_ON, Argument
from flowgate.errors import UnknownName

if TYPE_CHECKING:
    from invoke.collection import Collection

HEAD = """FlowGate: runs, proves and switches a local LLM gateway made of LiteLLM and CLIProxyAPIPlus.

Usage: {program} [--config PATH] TASK [WORDS] [--flags]
       {program} TASK --help
"""
GROUPS = {  # heading → the first words of its tasks, in this order; the first group has every task without another
    "run the gateway": ("smoke", "init", "up", "down", "status", "health", "doctor", "run", "service", "stacks"),
    "policies": ("profile", "rehearse", "audit", "budgets", "cooldowns", "play", "steps"),
    "see what happens": ("ask", "explain", "usage", "quota", "top", "dashboard", "events", "mcp"),
    "clients and accounts": ("client", "key", "auth"),
    "programs and versions": ("bootstrap", "litellm"),
    "this machine and others": ("backup", "restore", "uninstall", "export", "fleet", "security", "completion"),
    "develop FlowGate": ("test", "lint", "format", "typecheck", "docs", "ci", "bench", "build", "clean", "release"),
}


class TaskHelp(NamedTuple):
    """One task: its dotted name, the first line of its docstring, its arguments."""

    name: str
    summary: str
    arguments: tuple[Argument, ...]


def show(wanted: str, tasks: Sequence[TaskHelp]) -> int:
    """Print the help of a task, of a group, or of everything.

    Args:
        wanted: The name of a task or a group; "" for everything.
        tasks: All tasks.

    Raises:
        UnknownName: There is no such task.
    """
    for task in tasks:
        if task.name == wanted:
            _show_task(task)
            return 0
    group = [task for task in tasks if wanted and task.name.startswith(f"{wanted}.")]
    if wanted and not group:
        raise UnknownName("task", wanted, known=[task.name for task in tasks])
    if group:
        console.data(f"Usage: {console.program()} {wanted} WORD …\n")
        console.table([[_usage(task), task.summary] for task in group], heading=False)
        return 0
    console.data(HEAD.format(program=console.program()))
    rows = []
    for heading, found in grouped(tasks).items():
        rows += [[f"{heading}:", ""], *([f"  {task.name.replace('.', ' ')}", task.summary] for task in found)]
    console.table(rows, heading=False)
    return 0


def grouped(tasks: Sequence[TaskHelp]) -> dict[str, list[TaskHelp]]:
    """Sort tasks into groups; a group without a task is left out.

    Args:
        tasks: All tasks.
    """
    places = {word: (heading, place) for heading, words in GROUPS.items() for place, word in enumerate(words)}
    other = (next(iter(GROUPS)), len(places))
    found: dict[str, list[tuple[int, str, TaskHelp]]] = {heading: [] for heading in GROUPS}
    for task in tasks:
        heading, place = places.get(task.name.partition(".")[0], other)
        found[heading].append((place, task.name, task))
    return {
        heading: [task for *_, task in sorted(of_it, key=lambda one: one[:2])]
        for heading, of_it in found.items()
        if of_it
    }


def _usage(task: TaskHelp) -> str:
    words = [one.name.upper() for one in task.arguments if one.positional]
    optional = argv.OPTIONAL_WORDS.get(task.name)
    words += [f"[{optional.upper()}]"] if optional else []
    words += [f"-- {PASSED_ON[task.name].upper()} …"] if task.name in PASSED_ON else []
    return " ".join([task.name if console.runs_as_inv() else task.name.replace(".", " "), *words])


def _show_task(task: TaskHelp) -> None:
    passed_on = PASSED_ON.get(task.name, "")
    has_flags = task.name in dry_run.CHECKED or any(
        not one.positional and one.name != passed_on for one in task.arguments
    )
    usage, mark, words = _usage(task).partition(" -- ")
    flags = " [flags]" if has_flags else ""
    console.data(f"Usage: {console.program()} {usage}{flags}{mark}{words}\n\n  {task.summary}")
    rows = []
    for one in task.arguments:
        is_word = one.positional or one.name == passed_on
        shown = one.name.upper() if is_word else f"--{one.name}" + _value(one)
        default = f" (default {one.default})" if one.default not in ("", None, False, []) else ""
        rows.append([f"  {shown:<28}", console.spell_commands(one.meaning) + default])
    if task.name in dry_run.CHECKED:
        same = " (the same as --check)" if any(one.name == "check" for one in task.arguments) else ""
        rows.append([f"  {'--dry':<28}", dry_run.MEANING + same])
    if rows:
        console.data("")
        console.table(rows, heading=False)


def _value(argument: Argument) -> str:
    if isinstance(argument.default, str) and argument.default.isdigit():
        return " N"
    return {"bool": "", "list": " …"}.get(argument.kind, " TEXT")


def describe(collection: Collection) -> list[TaskHelp]:
    """Describe every task of a collection, sorted by name."""
    return [describe_task(collection, name) for name in sorted(collection.task_names)]


def describe_task(collection: Collection, name: str) -> TaskHelp:
    """Describe one task.

    Args:
        collection: All tasks.
        name: The dotted name of the task.
    """
    task = collection[name]
    meanings = dict(task.help)  # invoke takes a text out of `help` when it first asks for the argument
    arguments = tuple(
        Argument(
            name=argument.names[0].replace("_", "-"),
            kind=argument.kind.__name__,
            positional=bool(argument.positional),
            default=argument.default,
            meaning=argument.help or "",
            short=next((one for one in argument.names[1:] if len(one) == 1), ""),
        )
        for argument in task.get_arguments()
    )
    task.help = meanings
    return TaskHelp(name, (task.__doc__ or "").strip().splitlines()[0], arguments)

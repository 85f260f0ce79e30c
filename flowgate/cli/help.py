"""`flowgate --help` at every level, from the tasks themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from flowgate.cli import argv, console

HEAD = """flowgate: runs, proves and switches a local LLM gateway made of LiteLLM and CLIProxyAPIPlus.

Usage: flowgate [--config PATH] TASK [WORDS] [--flags]
       flowgate TASK --help
"""
WRONG = 2
FIRST = ("smoke", "up", "down", "status", "health")


class Word(NamedTuple):
    """One argument of a task. positional: it is typed without its flag, and must be there."""

    name: str
    kind: str
    positional: bool
    default: object
    meaning: str


class Page(NamedTuple):
    """One task: its dotted name, its first line, its arguments."""

    name: str
    summary: str
    words: tuple[Word, ...]


def show(wanted: str, pages: Sequence[Page]) -> int:
    """Print the help of a task, of a group, or of everything (an empty name)."""
    for page in pages:
        if page.name == wanted:
            console.data(_task(page))
            return 0
    group = [page for page in pages if wanted and page.name.startswith(f"{wanted}.")]
    if group:
        console.data(f"Usage: flowgate {wanted} WORD …\n")
        console.table([[_usage(page), page.summary] for page in group])
        return 0
    console.data(HEAD)
    request = {name: place for place, name in enumerate(FIRST)}
    ranked = sorted(pages, key=lambda page: (request.get(page.name, 99), "." in page.name, page.name))
    console.table([[page.name.replace(".", " "), page.summary] for page in ranked])
    return 0


def _usage(page: Page) -> str:
    words = [word.name.upper() for word in page.words if word.positional]
    optional = argv.OPTIONAL_WORDS.get(page.name)
    words += [f"[{optional.upper()}]"] if optional else []
    return " ".join([page.name.replace(".", " "), *words])


def _task(page: Page) -> str:
    flags = [word for word in page.words if not word.positional]
    lines = [f"Usage: flowgate {_usage(page)}{' [flags]' if flags else ''}", "", f"  {page.summary}", ""]
    for word in page.words:
        shown = word.name.upper() if word.positional else f"--{word.name}" + _value(word)
        default = f" (default {word.default})" if word.default not in ("", None, False, []) else ""
        lines.append(f"  {shown:<28} {word.meaning}{default}")
    return "\n".join(lines).rstrip()


def _value(word: Word) -> str:
    if isinstance(word.default, str) and word.default.isdigit():
        return " N"
    return {"bool": "", "list": " …"}.get(word.kind, " TEXT")


def help_of(collection: Any, body: Callable[..., object]) -> int:
    """Print the help of the task with this body; give the exit code for a flag that was taken for a name.

    Args:
        collection: Invoke's.
    """
    for name in collection.task_names:
        if getattr(collection[name].body, "__wrapped__", None) is body:
            show(name, pages(collection))
    return WRONG


def pages(collection: Any) -> list[Page]:
    """Describe every task of an invoke collection."""
    found = []
    for name in sorted(collection.task_names):
        task = collection[name]
        words = tuple(
            Word(
                name=str(argument.name).replace("_", "-"),
                kind=argument.kind.__name__,
                positional=bool(argument.positional),
                default=argument.default,
                meaning=argument.help or "",
            )
            for argument in task.get_arguments()
        )
        found.append(Page(name, (task.__doc__ or "").strip().splitlines()[0], words))
    return found

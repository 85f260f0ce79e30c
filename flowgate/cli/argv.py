"""The command line: words separated by blanks or dots, optional words, older spellings, `--help` anywhere.

`flowgate auth login codex --timeout 180` and `inv auth.login codex --timeout 180` are the task `auth.login` with the
values `{"provider": "codex", "timeout": "180"}`. invoke runs the tasks; it does not parse the words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from flowgate.cli import argv_words, dry_run, foreign_options
from flowgate.cli.argv_words import Argument, Values, shown
from flowgate.errors import UnknownName, UsageError

HELP = ("--help", "-h")
GLOBAL = ("--config", "--dry", "--help", "--version")

# Tasks whose optional argument may be typed without its flag, and that flag.
OPTIONAL_WORDS = {
    "service.start": "service",
    "service.stop": "service",
    "service.restart": "service",
    "service.reload": "service",
    "profile.show": "name",
    "litellm.upgrade": "to",
}
AUTH_VERBS = ("login", "import-headless")


class Call(NamedTuple):
    """A task to run, and the values of its arguments by their Python names."""

    task: str
    values: Values


class CommandLine(NamedTuple):
    """A parsed command line.

    Attributes:
        config: The value of `--config`; None if it was not given.
        help: The task or group whose help is wanted, "" for all tasks; None if no help is wanted.
        dry: `--dry` was given: predict changes without making them.
        calls: The tasks to run, in order.
        version: `--version` was given.
    """

    config: str | None
    help: str | None
    dry: bool
    calls: tuple[Call, ...] = ()
    version: bool = False


class _Found(NamedTuple):
    """A task, the words after it, and whether it was typed with a blank (`profile show`)."""

    task: str
    words: list[str]
    spaced: bool


def parse(words: Sequence[str], tasks: Collection[str], describe: Callable[[str], Sequence[Argument]]) -> CommandLine:
    """Parse a command line; run nothing.

    Args:
        words: What was typed after the program's name.
        tasks: The dotted names of all tasks.
        describe: Returns the arguments of a task.

    Raises:
        UnknownName: A word names no task, or an option is unknown.
        UsageError: A value is missing, given twice, or cannot be a value.
    """
    config, dry, rest = _global_options(words)
    end = rest.index("--") if "--" in rest else len(rest)
    wants_help = any(word in HELP for word in rest[:end])
    left = [word for word in rest[:end] if word not in HELP] + rest[end:]
    if left[:1] == ["help"]:  # as of git and many others: `flowgate help up`
        wants_help, left = True, left[1:]
    if not left:
        return CommandLine(config, "", dry)
    if left[0] in ("--version", "-V"):
        return CommandLine(config, None, dry, version=True)
    if left[0].startswith("-"):
        refusal = dry_run.meant("", left[0]) or foreign_options.refusal(left[0])
        raise refusal or UnknownName("option", shown(left[0]), known=GLOBAL)
    calls: list[Call] = []
    while left:
        found = _find_task(left, tasks, after=calls[-1].task if calls else "")
        if found.task not in tasks:
            return CommandLine(config, found.task, dry)
        if wants_help:
            return CommandLine(config, found.task, dry)
        optional = OPTIONAL_WORDS.get(found.task, "")
        values, left = argv_words.take(
            found.task, found.words, describe(found.task), optional, None if found.spaced else tasks
        )
        calls.append(Call(found.task, values))
    return CommandLine(config, None, dry, tuple(calls))


def _global_options(words: Sequence[str]) -> tuple[str | None, bool, list[str]]:
    """Take `--config` and `--dry` out of the words; `--config` stands before the task, `--dry` anywhere."""
    config: str | None = None
    dry = False
    rest: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            rest += [word, *left]
            break
        if word == "--dry":
            dry = True
        elif word == "--config" or word.startswith("--config="):
            if config is not None:
                raise UsageError("--config is given twice", fix="give it once: --config PATH")
            if any(not one.startswith("-") for one in rest):
                raise UsageError("--config goes before the task", fix=f"inv --config PATH {shown(rest[0])}")
            config = word.partition("=")[2] if "=" in word else (left.pop(0) if left else "")
            if not config.strip() or config.startswith("-"):
                raise UsageError("--config needs the path of a config file", fix="give it as --config PATH")
            argv_words.check_word("--config", config)
        else:
            rest.append(word)
    return config, dry, rest


def _find_task(words: list[str], tasks: Collection[str], *, after: str) -> _Found:
    """Find the task, or the group, that the first words name; `after` is the task before it on the line."""
    groups = {name.partition(".")[0] for name in tasks if "." in name}
    first = words[0].replace("_", "-")
    if first in tasks:
        return _Found(first, words[1:], False)
    if first not in groups:
        if "." in first and first.partition(".")[0] in groups:
            raise UnknownName("task", first, known=sorted(tasks))
        raise _unknown_task(words[0], {*groups, *(name for name in tasks if "." not in name)}, after)
    if len(words) == 1 or words[1].startswith("-"):
        return _Found(first, words[1:], True)
    second = words[1].replace("_", "-")
    if f"{first}.{second}" in tasks:
        return _Found(f"{first}.{second}", words[2:], True)
    verb = words[2].replace("_", "-") if len(words) > 2 else ""
    if first == "auth" and verb in AUTH_VERBS:  # `auth codex login`, the older spelling
        return _Found(f"auth.{verb}", [words[1], *words[3:]], True)
    known = sorted(name.partition(".")[2] for name in tasks if name.startswith(f"{first}."))
    raise UnknownName(f"task of '{first}'", words[1], known=known)


def _unknown_task(word: str, known: set[str], after: str) -> UsageError:
    if not after:
        return UnknownName("task", shown(word), known=sorted(known))
    what = f"unexpected word '{shown(word)}' after '{after.replace('.', ' ')}'"
    return UsageError(what, fix=f"inv {after} --help")

"""The command line of `flowgate`: words separated by blanks, optional words, older spellings, `--help` anywhere.

`flowgate auth login codex --timeout 180` is the task `auth.login` with the argument `codex`. Stock invoke wants a dot
between group and task and a flag for each optional argument, so the words are rewritten before invoke parses them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from flowgate.errors import UnknownName, UsageError

HELP = ("--help", "-h")

# Tasks whose optional argument may be typed without its flag, and that flag.
OPTIONAL_WORDS = {
    "service.start": "service",
    "service.stop": "service",
    "service.restart": "service",
    "service.reload": "service",
    "profile.show": "name",
}
SPELLINGS = {"auth.import_headless": "auth.import-headless"}
AUTH_VERBS = ("login", "import-headless", "import_headless")


class CommandLine(NamedTuple):
    """A parsed command line.

    Attributes:
        config: The value of `--config`; None if it was not given.
        version: `--version` was given.
        help: The task or group whose help is wanted, "" for all tasks; None if no help is wanted.
        argv: The words for invoke.
    """

    config: str | None
    version: bool
    help: str | None
    argv: tuple[str, ...]


def parse(words: Sequence[str], tasks: Collection[str]) -> CommandLine:
    """Parse a command line; run nothing.

    Args:
        words: What was typed after `flowgate`.
        tasks: The dotted names of all tasks.

    Raises:
        UnknownName: The first words name no task, or an option before them is unknown.
        UsageError: `--config` has no path.
    """
    config, version, rest = _parse_global_options(words)
    wants_help = any(word in HELP for word in rest)
    rest = [word for word in rest if word not in HELP]
    if not rest:
        return CommandLine(config, version, "" if wants_help or not version else None, ())
    name, arguments = _find_task(rest, tasks)
    if wants_help or name not in tasks:
        return CommandLine(config, version, name, ())
    return CommandLine(config, version, None, (name, *_with_flag(name, arguments)))


def _parse_global_options(words: Sequence[str]) -> tuple[str | None, bool, list[str]]:
    """Return the config, whether `--version` was given, and the words from the task on."""
    config, version = None, False
    left = list(words)
    while left and left[0].startswith("-") and left[0] not in HELP:
        word = left.pop(0)
        if word in ("--version", "-V"):
            version = True
        elif word == "--config" or word.startswith("--config="):
            config = word.partition("=")[2] or (left.pop(0) if left else "")
            if not config or config.startswith("-"):
                raise UsageError("--config needs the path of a config file", fix="flowgate --config PATH TASK")
        else:
            raise UnknownName("option", word, known=["--config", "--version", "--help"])
    return config, version, left


def _find_task(words: list[str], tasks: Collection[str]) -> tuple[str, list[str]]:
    """Return the task that the first words name, or the group if they name no more, and the remaining words."""
    groups = {name.partition(".")[0] for name in tasks if "." in name}
    first = words[0]
    if first in tasks:
        return first, words[1:]
    if first not in groups:
        raise UnknownName("task", first, known=sorted({*groups, *(name for name in tasks if "." not in name)}))
    if len(words) == 1 or words[1].startswith("-"):
        return first, words[1:]
    second = words[1]
    dotted = SPELLINGS.get(f"{first}.{second}", f"{first}.{second}")
    if dotted in tasks:
        return dotted, words[2:]
    if first == "auth" and len(words) > 2 and words[2] in AUTH_VERBS:  # `auth codex login`, the older spelling
        verb = SPELLINGS.get(f"auth.{words[2]}", f"auth.{words[2]}")
        return verb, [second, *words[3:]]
    known = sorted(name.partition(".")[2] for name in tasks if name.startswith(f"{first}."))
    raise UnknownName(f"task of '{first}'", second, known=known)


def _with_flag(name: str, words: list[str]) -> list[str]:
    flag = OPTIONAL_WORDS.get(name)
    if flag and words and not words[0].startswith("-"):
        return [f"--{flag}", *words]
    return words

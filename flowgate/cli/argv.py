"""The grammar of `flowgate`: words separated by blanks, optional words, older spellings, `--help` anywhere.

`flowgate auth login codex --timeout 180` is the task `auth.login` with the word `codex`; stock invoke wants the dot,
and optional words as flags. Here words become what invoke understands; nothing is run.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from flowgate.errors import UnknownName, UsageError

HELP = ("--help", "-h")

# Words that may follow a task without a flag, and the flags they stand for.
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
    """A command line, understood.

    Attributes:
        config: What `--config` said, if anything.
        version: `--version` was asked for.
        help: None when no help was asked for; else the task, the group, or "" for everything.
        argv: What invoke is to parse.
    """

    config: str | None
    version: bool
    help: str | None
    argv: tuple[str, ...]


def parse(words: Sequence[str], tasks: Collection[str]) -> CommandLine:
    """Understand a command line.

    Args:
        words: What was typed after `flowgate`.
        tasks: Every task's dotted name.

    Raises:
        UnknownName: A word that begins no task, UsageError for `--config` without a path.
    """
    config, version, rest = _core(words)
    wants_help = any(word in HELP for word in rest)
    rest = [word for word in rest if word not in HELP]
    if not rest:
        return CommandLine(config, version, "" if wants_help or not version else None, ())
    name, left = _task(rest, tasks)
    if wants_help or name not in tasks:
        return CommandLine(config, version, name, ())
    return CommandLine(config, version, None, (name, *_with_flags(name, left)))


def _core(words: Sequence[str]) -> tuple[str | None, bool, list[str]]:
    """Take what stands before the task: `--config PATH`, `--version`."""
    config, version = None, False
    left = list(words)
    while left and left[0].startswith("-") and left[0] not in HELP:
        word = left.pop(0)
        if word in ("--version", "-V"):
            version = True
        elif word == "--config" or word.startswith("--config="):
            config = word.partition("=")[2] or (left.pop(0) if left else "")
            if not config or config.startswith("-"):
                raise UsageError("--config wants the path of a config file", fix="flowgate --config PATH TASK")
        else:
            raise UnknownName("option", word, known=["--config", "--version", "--help"])
    return config, version, left


def _task(words: list[str], tasks: Collection[str]) -> tuple[str, list[str]]:
    """Find the task that the first words name, and what is left; a group's name alone is given as it is."""
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


def _with_flags(name: str, words: list[str]) -> list[str]:
    flag = OPTIONAL_WORDS.get(name)
    if flag and words and not words[0].startswith("-"):
        return [f"--{flag}", *words]
    return words

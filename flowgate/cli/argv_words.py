"""The words after the name of a task: its arguments and flags, each checked before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from posixpath import expanduser
from typing import NamedTuple

from flowgate.cli import dry_run, foreign_options
from flowgate.errors import UnknownName, UsageError

Values = dict[str, str | bool | list[str]]
LONGEST_PART = 255  # bytes of a file's name; a longer name is a mistake
LONGEST_PATH = 4095
# Arguments that may be a text of any length, with line breaks: (task, argument).
FREE_TEXT = (
    *(("ask", "question"), ("client.test", "question"), ("play", "extra")),
    *(("auth.login", "redirect-url"), ("test", "args")),
)
MAY_BE_EMPTY = (("test", "args"),)
# Tasks that hand on to a program what follows `--`, word by word, and the argument that receives it.
PASSED_ON = {"client.run": "words"}
SHOWN = 60  # characters of a wrong word in a message


class Argument(NamedTuple):
    """One argument of a task.

    Attributes:
        name: As it is typed, without dashes.
        kind: The name of its Python type.
        positional: It is typed without its flag and is required.
        default: Its default.
        meaning: One phrase.
        short: Its one-letter flag without the dash; may be empty.
    """

    name: str
    kind: str
    positional: bool
    default: object
    meaning: str
    short: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """Its spellings."""
        return (f"--{self.name}", *([f"-{self.short}"] if self.short else []))


def take(
    task: str, words: Sequence[str], arguments: Sequence[Argument], optional: str, tasks: Collection[str] | None
) -> tuple[Values, list[str]]:
    """Take the arguments of a task from the words after its name.

    Args:
        task: Its dotted name.
        words: The words after it.
        arguments: Its arguments.
        optional: Name of the argument that may be typed without its flag; empty for none.
        tasks: Names that start the next task rather than being that argument; None if no name does.

    Returns:
        The values by their Python names, and the words of the next task.

    Raises:
        UnknownName: An option is unknown.
        UsageError: A value is missing, given twice, or cannot be a value.
    """
    passed_on = PASSED_ON.get(task, "")
    taken = _Taken(task, [one for one in arguments if one.name != passed_on])  # it has no flag
    left = list(words)
    plain_only = False
    while left:
        if left[0] == "--" and passed_on:
            taken.values[passed_on], left = left[1:], []
        elif left[0] == "--" and not plain_only:
            plain_only = True
            del left[0]
        elif left[0].startswith("-") and left[0] != "-" and not plain_only:
            taken.take_flag(left)
        elif taken.missing:
            taken.put(taken.missing[0], left.pop(0))
        elif optional and optional not in taken.given and left[0] not in (tasks or ()):
            taken.put(next(one for one in arguments if one.name == optional), left.pop(0))
        else:
            break
    if taken.missing:
        words_missing = " ".join(one.name.upper() for one in taken.missing)
        raise UsageError(f"'{taken.title}' needs {words_missing}", fix=taken.help_command)
    if left and passed_on:
        raise UsageError(f"unexpected word '{shown(left[0])}' after '{taken.title}'", fix=taken.passed_on_fix())
    return taken.values, left


class _Taken:
    """The values that were found so far."""

    def __init__(self, task: str, arguments: Sequence[Argument]) -> None:
        self.task, self.arguments = task, arguments
        self.title = task.replace(".", " ")
        self.help_command = f"inv {task} --help"
        self.given: set[str] = set()
        self.values: Values = {}
        self._by_flag = {flag: one for one in arguments for flag in one.flags}

    @property
    def missing(self) -> list[Argument]:
        """The required words that are still to come."""
        return [one for one in self.arguments if one.positional and one.name not in self.given]

    def take_flag(self, left: list[str]) -> None:
        """Remove a flag, and its value if it has one, from the beginning of the words."""
        word = left.pop(0)
        flag, equals, value = word.partition("=")
        if not word.startswith("--") and len(flag) > 2:  # `-ekey=value`, `-jf`
            flag, joined = word[:2], word[2:]
            argument = self._find(flag, word)
            if argument.kind == "bool":
                left.insert(0, f"-{joined}")
            else:
                left.insert(0, joined)
            equals = ""
        argument = self._find(flag, word)
        if argument.kind == "bool":
            if equals:
                raise UsageError(f"{flag} takes no value, got '{shown(value)}'", fix=self.help_command)
            self._put(argument, True)
            return
        if not equals:
            if not left or self._is_option(left[0]):
                got = f", got the option '{left[0]}'" if left else ""
                raise UsageError(f"{flag} needs a value{got}", fix=self.help_command)
            value = left.pop(0)
        self.put(argument, value)

    def _find(self, flag: str, word: str) -> Argument:
        if flag not in self._by_flag and self.task in PASSED_ON:
            what = f"no option of '{self.title}' is called '{shown(word)}'"
            raise UsageError(what, fix=self.passed_on_fix())
        if flag not in self._by_flag:
            flags = [f"--{one.name}" for one in self.arguments if not one.positional]
            known = [*flags, *(["--dry"] if dry_run.is_accepted(self.task) else []), "--help"]
            refusal = dry_run.meant(self.task, flag) or foreign_options.refusal(flag)
            raise refusal or UnknownName(f"option of '{self.title}'", shown(word), known=known)
        return self._by_flag[flag]

    def passed_on_fix(self) -> str:
        """Return how to write words that are for the program."""
        return f"put -- before the program's own words: inv {self.task} PROGRAM -- …"

    def _is_option(self, word: str) -> bool:
        return word.partition("=")[0] in self._by_flag or word == "--"

    def put(self, argument: Argument, value: str) -> None:
        """Check a value and store it."""
        name = argument.name.upper() if argument.positional else f"--{argument.name}"
        key = (self.task, argument.name)
        if not value.strip() and key not in MAY_BE_EMPTY:
            raise UsageError(f"{name} needs a value, got an empty one", fix=self.help_command)
        check_word(name, value, free_text=key in FREE_TEXT)
        self._put(argument, value)

    def _put(self, argument: Argument, value: str | bool) -> None:
        if argument.kind != "list" and argument.name in self.given:
            raise UsageError(f"--{argument.name} is given twice", fix="give it once")
        self.given.add(argument.name)
        name = argument.name.replace("-", "_")
        if argument.kind == "list":
            known = self.values.get(name)
            self.values[name] = [*(known if isinstance(known, list) else []), str(value)]
        else:
            self.values[name] = value


def check_word(name: str, value: str, *, free_text: bool = False) -> None:
    """Refuse a value that can be no name, number or path.

    Args:
        name: The argument, as the message names it.
        value: The typed value.
        free_text: Allow line breaks and any length.

    Raises:
        UsageError: It is not UTF-8, contains a control character, or is too long.
    """
    if any("\ud800" <= one <= "\udfff" for one in value):
        raise UsageError(f"{name} is not valid UTF-8: '{shown(value)}'", fix="use a name in UTF-8")
    user = value.removeprefix("@").partition("/")[0]
    if len(user) > 1 and user[0] == "~" and name != "QUESTION" and expanduser(user) == user:
        raise UsageError(f"{name} names the home of a user who does not exist: '{shown(user)}'", fix="give a full path")
    if free_text:
        return
    if any(ord(one) < 0x20 or ord(one) == 0x7F for one in value):
        raise UsageError(f"{name} contains a control character: '{shown(value)}'", fix="leave the character out")
    size = len(value.encode())
    if size > LONGEST_PATH or any(len(part.encode()) > LONGEST_PART for part in value.replace(",", "/").split("/")):
        raise UsageError(f"{name} is too long ({size} bytes): '{shown(value)}'", fix="use a shorter name or path")


def shown(word: str) -> str:
    """Return a wrong word as a message shows it: cut, and without control characters."""
    cut = word if len(word) <= SHOWN else f"{word[:SHOWN]}…"
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in cut)

"""Texts and words as a systemd unit contains them."""

from __future__ import annotations

import re
from collections.abc import Sequence

REFUSED_IN_PROGRAM = "\"'\\"  # systemd runs no program whose path contains one of these


def specifiers(text: str) -> str:
    """Return a text as a unit contains it, where `%` begins a specifier.

    Args:
        text: The text.
    """
    return text.replace("%", "%%")


def quoted(word: str) -> str:
    """Quote a word for a line that is split into words; `%` begins a specifier there.

    Args:
        word: The word.
    """
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return specifiers(f'"{escaped}"')


def command_line(words: Sequence[str]) -> str:
    """Return the words of ExecStart. In arguments `$` begins a variable; the path of the program has none.

    Args:
        words: The program and its arguments.
    """
    program, *arguments = words
    if set(program) & set(REFUSED_IN_PROGRAM):
        return command_line(["/bin/sh", "-c", 'exec "$0" "$@"', *words])
    plain = re.fullmatch(r"[\w./+-]+", program)
    first = program if plain else quoted(program)
    return " ".join([first, *(argument(word) for word in arguments)])


def argument(word: str) -> str:
    """Return a word of a command line as systemd reads it.

    Args:
        word: The word.

    Source: systemd.service(5), "Command lines": `%` begins a specifier and `$` a variable, in quotes too.
    """
    return word if re.fullmatch(r"[\w./=:+-]+", word) else quoted(word).replace("$", "$$")

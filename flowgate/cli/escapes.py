"""Show control characters of foreign texts as escapes, so that they cannot act on the terminal."""

from __future__ import annotations

import re

# C0 without tab and newline, DEL, C1, marks and overrides of the writing direction, line separators, lone surrogates.
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
COLOURED = re.compile("(\x1b\\[(?:2|3[1-6])m)(.*)(\x1b\\[0m)", re.DOTALL)  # a whole line, as `console.colour` makes it
COLOUR = re.compile("(\x1b\\[[0-9;]*m)")


def escaped(text: str) -> str:
    """Return a text with its control characters as escapes ("x1b" after a backslash); tabs and newlines stay.

    Args:
        text: The text.
    """
    return text if text.isascii() and text.isprintable() else CONTROL.sub(_escape, text)


def escaped_line(text: str) -> str:
    """Return a message with escapes; a colour of the whole line stays."""
    whole = COLOURED.fullmatch(text)
    return f"{whole[1]}{escaped(whole[2])}{whole[3]}" if whole else escaped(text)


def escaped_output(text: str) -> str:
    """Return data for a terminal with escapes; colours stay."""
    return "".join(part if index % 2 else escaped(part) for index, part in enumerate(COLOUR.split(text)))


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

"""The only printer: data goes to stdout, messages for people go to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from flowgate.errors import FlowGateError, MultipleErrors

if TYPE_CHECKING:
    from flowgate.domain import Outcome

DOCUMENT_VERSION = 1  # of every JSON document; a key that is removed or changes its meaning needs the next number
MARKS = {"unchanged": "=", "changed": "~", "skipped": "-", "failed": "!", "rescued": "!", "ignored": "!"}
GREEN, YELLOW, RED, DIM = "32", "33", "31", "2"
COLOURS = {"=": GREEN, "~": YELLOW, "-": DIM, "!": RED}
NAME_WIDTH = 24
MOST_ERRORS = 20  # of one document, that are printed
TASKS = (  # the first words of FlowGate's commands, as its messages name them
    "ask|audit|auth|backup|bootstrap|budgets|client|completion|cooldowns|dashboard|docs|doctor|down|events"
    "|explain|export|fleet|health|init|key|litellm|mcp|play|profile|quota|rehearse|restore|run|security|service|smoke"
    "|stacks|status|steps|top|uninstall|up|usage"
)
LINE_WIDTH = 110


def is_terminal() -> bool:
    """Return whether stderr is a terminal that can move its cursor."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def colour(text: str, code: str) -> str:
    """Colour a text for stderr if it may be coloured.

    Args:
        text: What to colour.
        code: An ANSI colour code, such as "31".
    """
    return f"\x1b[{code}m{text}\x1b[0m" if is_terminal() and not os.environ.get("NO_COLOR") else text


def _hide_obvious(text: str) -> str:
    """Hide what has the form of a secret, until the config is read: its errors may show what it contains."""
    from flowgate.domain.secret_names import hide_obvious

    return hide_obvious(text) if "://" in text or "sk-" in text else text


class _Masks:
    hide: Callable[[str], str] = staticmethod(_hide_obvious)


def set_mask(hide: Callable[[str], str]) -> None:
    """Set the function that hides secrets in everything that is printed from now on."""
    _Masks.hide = staticmethod(hide)


def masked(text: str) -> str:
    """Return a text without the secrets that this command knows."""
    return _Masks.hide(text)


# --- data, to stdout


def data(text: str) -> None:
    """Print a line of the command's output."""
    print(_safe(text, output=True), flush=True)


def _safe(text: str, *, output: bool = False) -> str:
    """Return a masked text with its control characters as escapes; output for a pipe stays as it is."""
    text = masked(text)
    if (text.isascii() and text.isprintable()) or (output and not sys.stdout.isatty()):
        return text
    from flowgate.cli import escapes

    return escapes.escaped_output(text) if output else escapes.escaped_line(text)


def data_part(text: str) -> None:
    """Print a part of a line of the command's output."""
    print(_safe(text, output=True), end="", flush=True)


def document(content: Mapping[str, object]) -> None:
    """Print the JSON document of a command, with the version of its format."""
    data(_dump({"version": DOCUMENT_VERSION, **content}, indent=2))


def one_line_document(content: Mapping[str, object]) -> str:
    """Return a JSON document as one line, with the version of its format."""
    return _dump({"version": DOCUMENT_VERSION, **content}, indent=None)


def _dump(content: Mapping[str, object], indent: int | None) -> str:
    """Return JSON; with escapes in place of characters that stdout cannot encode."""
    readable = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    text = json.dumps(content, indent=indent, ensure_ascii=not readable)
    return text if text.isascii() or not _has_surrogates(text) else json.dumps(content, indent=indent)


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= one <= "\udfff" for one in text)


def table(rows: Sequence[Sequence[str]], *, heading: bool = True) -> None:
    """Print rows in columns.

    Args:
        rows: At least one; all of the same length.
        heading: The first row is a heading.
    """
    from flowgate.cli.columns import lay_out
    from flowgate.system import streams

    bold = heading and streams.may_colour_output()
    for number, line in enumerate(lay_out(rows, streams.output_width())):
        data(f"\x1b[1m{line}\x1b[0m" if bold and not number else line)


def lost_output() -> str:
    """Return why data on stdout was lost, although somebody would have read it; empty if none was."""
    from flowgate.system import streams

    ended = streams.failure(sys.stdout)
    lost = ended is not None and ended.data_lost
    return str(ended.failure.strerror) if lost and ended is not None and ended.failure is not None else ""


def reader_is_gone() -> bool:
    """Return whether nobody reads the output any more."""
    from flowgate.system import streams

    return streams.reader_is_gone(sys.stdout)


# --- messages for people, to stderr


def note(text: str) -> None:
    """Print a message of FlowGate's; its commands are spelled for the program that runs."""
    quote(spell_commands(text))


def quote(text: str) -> None:
    """Print a message as it is: what a user or another program wrote."""
    print(f"{_safe(text)}\n", end="", file=sys.stderr, flush=True)  # one write: parallel tasks print too


def prompt(question: str) -> str | None:
    """Ask the person at the terminal; return None when stdin is at its end."""
    from flowgate.cli.escapes import escaped

    print(escaped(question), end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer or not sys.stdin.isatty():
        note("")
    return answer.rstrip("\n") if answer else None


def print_outcome(outcome: Outcome) -> None:
    """Print one line for a task that has ended."""
    mark = MARKS[outcome.status]
    message = " ".join(outcome.message.split())
    width = LINE_WIDTH - NAME_WIDTH - 14
    message = message if len(message) <= width or mark == "!" else f"{message[: width - 1]}…"
    line = f"{mark} {outcome.task:<{NAME_WIDTH}} {message:<{width}} {outcome.seconds:7.2f} s"
    quote(colour(line, COLOURS[mark]))


def print_error(error: BaseException, *, already_printed: bool = False) -> None:
    """Print an error: what, where, the source line, the log lines that explain it, and the fix.

    Args:
        error: Usually a `FlowGateError`.
        already_printed: The line before this one says what happened; print the rest.
    """
    if isinstance(error, MultipleErrors):
        note(colour(f"error: {error.what}:", RED))
        for one in error.errors[:MOST_ERRORS]:
            note(f"  {one.place}: {one.what}" if one.place else f"  {one.what}")
            _print_details(one, "    ")
        if (others := len(error.errors) - MOST_ERRORS) > 0:
            note(f"  and {others} more")
        return
    if not already_printed:
        note(colour(f"error: {error}", RED))
    elif isinstance(error, FlowGateError) and error.place:
        note(f"  at {error.place}")
    if isinstance(error, FlowGateError):
        _print_details(error, "  ")


def _print_details(error: FlowGateError, indent: str) -> None:
    for line in _excerpt(error):
        quote(f"{indent}  {line}")
    if error.log:
        note(f"{indent}last log lines:")
        for line in error.log:
            quote(f"{indent}  | {line[:200]}")
    if error.fix:
        note(f"{indent}fix: {error.fix}")


def _excerpt(error: FlowGateError) -> list[str]:
    if error.place.count(":") < 2:  # file:line:column; most errors have none and need no excerpt
        return []
    from flowgate.cli.source_excerpt import excerpt

    return excerpt(error.place)


def spell_commands(text: str) -> str:
    """Spell the commands in a text for the program that runs: `inv service.start` or `flowgate service start`."""
    if "inv " not in text or runs_as_inv():
        return text
    import re

    def flowgate(found: re.Match[str]) -> str:
        return "flowgate " + found[1].replace(".", " ")

    return re.sub(rf"(?<!uv run )\binv ((?:--config PATH )?(?:{TASKS})\b(?:\.[a-z-]+)*)", flowgate, text)


def program() -> str:
    """Return the name of the program that runs, for usage lines."""
    return "inv" if runs_as_inv() else "flowgate"


def runs_as_inv() -> bool:
    """Return whether the user typed `inv`; other programs, such as a test run, count as `inv` in a checkout."""
    program = os.path.basename(sys.argv[0])  # noqa: PTH119 - pathlib takes longer
    if program in ("inv", "invoke", "__main__.py"):
        return True
    if program in ("flowgate", "-c"):
        return False
    from flowgate.system import locations

    return locations.checkout() is not None

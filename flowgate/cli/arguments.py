"""Typed arguments, checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flowgate.errors import InvalidValue, UnknownName, UsageError, raise_all

if TYPE_CHECKING:
    from flowgate.domain import Value, Variables

DAY_SECONDS = 86_400
HIGHEST_COUNT = 99_999_999
NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?|\.[0-9]{1,20}")
SERVICES = ("all", "litellm", "cliproxyapi_plus")


def named(value: str, what: str) -> str:
    """Refuse a flag where a name is expected: stock invoke takes `--help` for the name.

    Args:
        value: The typed word.
        what: What is expected, with its article ("a profile").

    Returns:
        The word.

    Raises:
        UsageError: The word begins with `-`.
    """
    if value.startswith("-"):
        raise UsageError(f"expected {what}, got '{value}'", fix="put flags after the name")
    return value


def service(name: str) -> str:
    """Check the name of a service.

    Args:
        name: The typed name.

    Returns:
        The name.

    Raises:
        UnknownName: There is no such service.
    """
    if name not in SERVICES:
        raise UnknownName("service", name, known=SERVICES)
    return name


def seconds(flag: str, typed: str) -> float:
    """Read a duration.

    Args:
        flag: Name of the flag.
        typed: Its value.

    Returns:
        Seconds.

    Raises:
        InvalidValue: Not a number between 0 and a day.
    """
    found = float(typed) if NUMBER.fullmatch(typed) else 0.0
    if not 0 < found <= DAY_SECONDS:
        raise InvalidValue(f"--{flag}", found=typed, wanted="seconds, more than 0 and at most a day")
    return found


def count(flag: str, typed: str) -> int:
    """Read a whole number.

    Args:
        flag: Name of the flag.
        typed: Its value.

    Returns:
        The number.

    Raises:
        InvalidValue: Not a whole number from 1 to `HIGHEST_COUNT`.
    """
    is_number = typed.isascii() and typed.isdigit() and len(typed.lstrip("0")) <= len(str(HIGHEST_COUNT))
    if not is_number or not 0 < int(typed) <= HIGHEST_COUNT:
        raise InvalidValue(f"--{flag}", found=typed, wanted=f"a whole number from 1 to {HIGHEST_COUNT}")
    return int(typed)


def one_form(**forms: bool) -> str:
    """Return the form of output that was asked for; empty for the usual one.

    Args:
        forms: Name of each flag, and whether it was given.

    Raises:
        UsageError: Two were given.
    """
    given = [name for name, was_given in forms.items() if was_given]
    if len(given) > 1:
        flags = " and ".join(f"--{name}" for name in given)
        raise UsageError(f"{flags} cannot be combined", fix="give one of them")
    return "".join(given)


def words(text: str) -> tuple[str, ...]:
    """Split a list that is separated by commas.

    Args:
        text: The typed list.

    Returns:
        Its words, without blanks.
    """
    return tuple(word.strip() for word in text.split(",") if word.strip())


def variables(extra: Sequence[str]) -> dict[str, Value]:
    """Read `-e` variables: `key=value` (several, too), a YAML or JSON mapping in braces, or `@FILE` with a mapping.

    A value is YAML: `keep=true` is a truth value. The later of two that set the same name wins.

    Args:
        extra: Each value of `-e`.

    Returns:
        Name → value.

    Raises:
        InvalidValue: None of the three forms.
        UsageError: YAML that cannot be parsed.
    """
    found: dict[str, Value] = {}
    for one in extra:
        if one.startswith("@"):
            from pathlib import Path

            from flowgate.system import files

            tree = _tree(files.read_text(Path(one[1:]).expanduser()), one[1:])
        elif one.lstrip().startswith("{"):
            tree = _tree(one, "-e")
        else:
            tree = {name: _tree(value, f"-e {name}") for name, value in _pairs(one)} or None
        if not isinstance(tree, dict):
            raise InvalidValue("extra", found=one, wanted="key=value, {key: value}, or @FILE with a mapping")
        for name in tree:
            if not isinstance(name, str) or not name.isidentifier():
                raise InvalidValue("extra", found=name, wanted="the name of a variable (letters, digits, _)")
        found |= tree
    return found


def one_profile(typed: str, extra: Variables) -> str | None:
    """Return the profile that a command line names.

    Args:
        typed: The value of `--profile`; empty for none.
        extra: Variables from `-e`.

    Returns:
        The profile; None when `--profile` names none.

    Raises:
        UsageError: `-e` names another one, or one that is not text.
    """
    other = extra.get("profile")
    if other is not None and not isinstance(other, str):
        raise InvalidValue("profile", found=other, wanted="the name of a profile")
    if typed and other not in (None, typed):
        raise UsageError(f"two profiles are named: --profile {typed} and -e profile={other}", fix="name one of them")
    return typed or None


def _pairs(text: str) -> list[tuple[str, str]]:
    """Split `a=1 b=2` as Ansible does; other text is one value, blanks included."""
    import shlex

    try:
        found = shlex.split(text)
    except ValueError:  # a quote that is not closed is part of the value
        found = [text]
    pairs = [word.partition("=") for word in (found if len(found) > 1 else [text])]
    if not all(equals and name.isidentifier() for name, equals, _ in pairs):
        pairs = [text.partition("=")]
    return [(name, value) for name, equals, value in pairs if equals and name.isidentifier()]


def _tree(text: str, file: str) -> Any:
    from flowgate.config.yaml_source import Source

    source = Source(text, file)
    source.keeps_spelling = True
    tree = None if source.root is None else source.plain(source.root, "", {})
    raise_all(file, source.faults)
    return tree

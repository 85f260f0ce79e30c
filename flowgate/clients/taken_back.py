"""Owned values of one configuration text: taken back, so that what is left is what the user has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowgate.clients.formats.common import BOM, newline_of
from flowgate.clients.formats.trees import lookup, with_value, without
from flowgate.clients.owned_values import EDITORS, Ownership, checked, fingerprint
from flowgate.clients.program import Format, KeyPath
from flowgate.domain.secret_names import is_secret_name

# Names of values that say where requests go: a credential belongs to the address that stands beside it.
ADDRESS = re.compile(r"(?i)(base[-_]?ur[il]|api[-_]?base|api[-_]?ur[il]|host|endpoint)$")


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A text without the owned values.

    Attributes:
        text: The text.
        kept: Values that somebody changed since they were written; they stay.
        restored: Values that are again what they were before.
        withheld: Credentials that do not come back, since the address beside them is another one now.
    """

    text: str
    kept: tuple[KeyPath, ...] = ()
    restored: tuple[KeyPath, ...] = ()
    withheld: tuple[KeyPath, ...] = ()


def take_back(text: str, format_: Format, ownership: Ownership) -> TakenBack:
    """Take owned values out of a configuration, or put back what was there before.

    Args:
        text: The configuration.
        format_: How it is written.
        ownership: What is owned in it.

    Returns:
        The text, and the values that are the user's now and stay.

    Raises:
        CannotEdit: It cannot be read, or not be edited without touching what is the user's.
    """
    editor = EDITORS[format_]
    mark = BOM if text.startswith(BOM) else ""
    bare = text.removeprefix(BOM)
    tree = editor.parse(bare)
    kept, restored, withheld = _kept(tree, ownership), [], []
    is_elsewhere = any(ADDRESS.search(str(path[-1])) for path in kept)
    for path, owned in reversed(list(ownership.values.items())):
        place = editor.find(bare, path)
        if place is None or path in kept:
            continue
        if owned.previous and is_elsewhere and is_secret_name(path[-1]):
            withheld.append(path)
            bare = editor.take(bare, path, ownership.made)
            tree = checked(editor, bare, without(tree, path), path)
        elif owned.previous is None:
            bare = editor.take(bare, path, ownership.made)
            tree = checked(editor, bare, without(tree, path), path)
        else:
            start = place[0] - 1 if not owned.previous and bare[place[0] - 2 : place[0]] == ": " else place[0]
            bare = bare[:start] + owned.previous + bare[place[1] :]
            tree = checked(editor, bare, with_value(tree, path, lookup(editor.parse(bare), path)), path)
            restored.append(path)
    found = mark + _unended(text.removeprefix(BOM), bare, ownership)
    return TakenBack(found, tuple(kept), tuple(restored), tuple(withheld))


def _kept(tree: object, ownership: Ownership) -> list[KeyPath]:
    """Return the values that somebody changed since they were written."""
    found = {path: lookup(tree, path) for path in reversed(list(ownership.values))}
    return [
        path for path, now in found.items() if now is not None and fingerprint(now) != ownership.values[path].written
    ]


def _unended(before: str, text: str, ownership: Ownership) -> str:
    """Take away the line end that the file's last line got, unless something follows it now."""
    if not ownership.unended or not text.endswith("\n") or before == text:
        return text
    last = text[text.rstrip("\r\n").rfind("\n") + 1 :]
    if before.endswith("\n" + last) or before == last:
        return text
    return text[: -len(newline_of(text))]

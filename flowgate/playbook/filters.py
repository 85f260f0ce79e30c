"""The most used filters and tests of Ansible, with the same meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, TypeVar

T = TypeVar("T")

MAX_LENGTH = 100_000  # characters; a pattern with nested repetitions takes minutes on longer texts


def ternary(value: object, true: Any, false: Any, none: Any = None) -> Any:
    """Choose by a truth value; a value of None chooses `none`, if that is given."""
    if value is None and none is not None:
        return none
    return true if value else false


def combine(*trees: Mapping[str, object], recursive: bool = False) -> dict[str, object]:
    """Merge mappings; later values replace earlier ones. `recursive` merges nested mappings too."""
    found: dict[str, object] = {}
    for tree in trees:
        for key, value in tree.items():
            below = found.get(key)
            if recursive and isinstance(value, Mapping) and isinstance(below, Mapping):
                found[key] = combine(below, value, recursive=True)
            else:
                found[key] = value
    return found


def dict2items(tree: Mapping[str, T], key_name: str = "key", value_name: str = "value") -> list[dict[str, str | T]]:
    """Convert a mapping to a list of its entries."""
    return [{key_name: key, value_name: value} for key, value in tree.items()]


def items2dict(items: Iterable[Mapping[str, T]], key_name: str = "key", value_name: str = "value") -> dict[T, T]:
    """Convert a list of entries to a mapping."""
    return {item[key_name]: item[value_name] for item in items}


def flatten(items: Iterable[Any], levels: int | None = None) -> list[Any]:
    """Flatten nested lists; null entries are removed."""
    found: list[Any] = []
    for item in items:
        if isinstance(item, (list, tuple)) and levels != 0:
            found += flatten(item, None if levels is None else levels - 1)
        elif item is not None:
            found.append(item)
    return found


def regex_replace(text: object, pattern: str = "", replacement: str = "", ignorecase: bool = False) -> str:
    """Replace all matches of a regular expression."""
    return re.sub(pattern, replacement, _bounded(text), flags=re.IGNORECASE if ignorecase else 0)


def regex_search(text: object, pattern: str, ignorecase: bool = False) -> str | None:
    """Find the first match of a regular expression."""
    found = re.search(pattern, _bounded(text), flags=re.IGNORECASE if ignorecase else 0)
    return found[0] if found else None


def basename(path: object) -> str:
    """Return the last component of a path."""
    return PurePosixPath(str(path)).name


def dirname(path: object) -> str:
    """Return a path without its last component."""
    parent = str(PurePosixPath(str(path)).parent)
    return "" if parent == "." else parent


def split(text: str, separator: str | None = None) -> list[str]:
    """Split a text at a separator, or at white space."""
    return text.split(separator)


def union(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    """Return the entries of both lists without duplicates."""
    return _unique([*one, *other])


def intersect(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    """Return the entries that are in both lists, without duplicates."""
    others = list(other)
    return _unique([entry for entry in one if entry in others])


def difference(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    """Return the entries that are only in the first list, without duplicates."""
    others = list(other)
    return _unique([entry for entry in one if entry not in others])


def _unique(entries: list[Any]) -> list[Any]:
    found: list[Any] = []
    for entry in entries:
        if entry not in found:
            found.append(entry)
    return found


def is_match(text: object, pattern: str) -> bool:
    """Return whether the beginning of a text matches a regular expression."""
    return re.match(pattern, _bounded(text)) is not None


def is_found(text: object, pattern: str) -> bool:
    """Return whether any part of a text matches a regular expression."""
    return re.search(pattern, _bounded(text)) is not None


def is_truthy(value: object) -> bool:
    """Return whether Python takes a value for true: not empty, zero or null. The text "false" is not empty."""
    return bool(value)


def is_falsy(value: object) -> bool:
    """Return the opposite of `is_truthy`."""
    return not value


def _bounded(text: object) -> str:
    shown = str(text)
    if len(shown) > MAX_LENGTH:
        raise ValueError(f"a text longer than {MAX_LENGTH} characters is not searched")
    return shown


FILTERS: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        *(ternary, combine, dict2items, items2dict, flatten, regex_replace, regex_search),
        *(basename, dirname, split, union, intersect, difference),
    )
}
TESTS: dict[str, Callable[..., Any]] = {
    "match": is_match,
    "search": is_found,
    "regex": is_found,
    "truthy": is_truthy,
    "falsy": is_falsy,
}

"""Filters and tests of Ansible's that people use every day, with Ansible's meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

LONGEST = 100_000  # characters that a pattern is tried on: a careless one takes ages on more


def ternary(value: object, true: Any, false: Any, none: Any = None) -> Any:
    """Choose by a value; `none` is taken for none where it is given."""
    if value is None and none is not None:
        return none
    return true if value else false


def combine(*trees: Mapping[str, Any], recursive: bool = False) -> dict[str, Any]:
    """Lay mappings over each other, the later one wins; `recursive` merges those inside."""
    found: dict[str, Any] = {}
    for tree in trees:
        for key, value in tree.items():
            both = recursive and isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
            found[key] = combine(found[key], value, recursive=True) if both else value
    return found


def dict2items(tree: Mapping[str, Any], key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    """Turn a mapping into a list of its entries."""
    return [{key_name: key, value_name: value} for key, value in tree.items()]


def items2dict(items: Iterable[Mapping[str, Any]], key_name: str = "key", value_name: str = "value") -> dict[str, Any]:
    """Turn a list of entries into a mapping."""
    return {item[key_name]: item[value_name] for item in items}


def flatten(items: Iterable[Any], levels: int | None = None) -> list[Any]:
    """Take lists out of a list; null entries are left out."""
    found: list[Any] = []
    for item in items:
        if isinstance(item, (list, tuple)) and levels != 0:
            found += flatten(item, None if levels is None else levels - 1)
        elif item is not None:
            found.append(item)
    return found


def regex_replace(text: object, pattern: str = "", replacement: str = "", ignorecase: bool = False) -> str:
    """Replace what a regular expression finds."""
    return re.sub(pattern, replacement, _bounded(text), flags=re.IGNORECASE if ignorecase else 0)


def regex_search(text: object, pattern: str, ignorecase: bool = False) -> str | None:
    """Give what a regular expression finds first."""
    found = re.search(pattern, _bounded(text), flags=re.IGNORECASE if ignorecase else 0)
    return found[0] if found else None


def basename(path: object) -> str:
    """Give a path's last part."""
    return PurePosixPath(str(path)).name


def dirname(path: object) -> str:
    """Give what stands before a path's last part."""
    parent = str(PurePosixPath(str(path)).parent)
    return "" if parent == "." else parent


def split(text: str, separator: str | None = None) -> list[str]:
    """Split a text."""
    return text.split(separator)


def union(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    """Give what is in either list, once."""
    return _once([*one, *other])


def intersect(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    """Give what is in both lists, once."""
    others = list(other)
    return _once([entry for entry in one if entry in others])


def difference(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    """Give what is in the first list alone, once."""
    others = list(other)
    return _once([entry for entry in one if entry not in others])


def _once(entries: list[Any]) -> list[Any]:
    found: list[Any] = []
    for entry in entries:
        if entry not in found:
            found.append(entry)
    return found


def is_match(text: object, pattern: str) -> bool:
    """Tell whether a text begins with what a regular expression means."""
    return re.match(pattern, _bounded(text)) is not None


def is_found(text: object, pattern: str) -> bool:
    """Tell whether a regular expression finds anything in a text."""
    return re.search(pattern, _bounded(text)) is not None


def _bounded(text: object) -> str:
    shown = str(text)
    if len(shown) > LONGEST:
        raise ValueError(f"a text of more than {LONGEST} characters is not searched")
    return shown


FILTERS: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        *(ternary, combine, dict2items, items2dict, flatten, regex_replace, regex_search),
        *(basename, dirname, split, union, intersect, difference),
    )
}
TESTS: dict[str, Callable[..., Any]] = {"match": is_match, "search": is_found, "regex": is_found}

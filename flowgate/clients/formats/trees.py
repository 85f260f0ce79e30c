"""Plain data with one value more or less: what a configuration has to contain after an edit."""

from __future__ import annotations

import math

from flowgate.clients.program import Entry, KeyPath


def is_same(one: object, other: object, path: KeyPath) -> bool:
    """Return whether two trees have the same content, after an edit at a path.

    Args:
        one: A tree.
        other: Another one.
        path: The path; its parents that are empty do not count.
    """
    return normal(pruned(one, path)) == normal(pruned(other, path))


def normal(tree: object) -> object:
    """Return a tree in which what is empty is None, and what equals nothing, not even itself, is a text."""
    if isinstance(tree, dict):
        return {key: normal(value) for key, value in tree.items()} or None
    if isinstance(tree, list):
        return [normal(value) for value in tree] or None
    if isinstance(tree, bool):
        return ("bool", tree)  # True is no 1
    return "nan" if isinstance(tree, float) and math.isnan(tree) else tree


def lookup(tree: object, path: KeyPath) -> object:
    """Return the value at a path; None if it is not there."""
    for key in path:
        tree = _step(tree, key)
    return tree


def _step(tree: object, key: str | Entry) -> object:
    if isinstance(key, Entry):
        entries = tree if isinstance(tree, list) else []
        return next((one for one in entries if isinstance(one, dict) and one.get(key.key) == key.value), None)
    return tree.get(key) if isinstance(tree, dict) else None


def with_value(tree: object, path: KeyPath, value: object) -> object:
    """Return a tree with a value at a path."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(key, Entry):
        entries = list(tree) if isinstance(tree, list) else []
        old = _step(entries, key)
        new = with_value(old if old is not None else {key.key: key.value}, rest, value)
        return [new if one is old else one for one in entries] if old is not None else [*entries, new]
    found = dict(tree) if isinstance(tree, dict) else {}
    found[key] = with_value(found.get(key), rest, value)
    return found


def without(tree: object, path: KeyPath) -> object:
    """Return a tree without the value at a path."""
    return _removed(tree, path)


def pruned(tree: object, path: KeyPath) -> object:
    """Return a tree without the parents of a path that are empty; whether they were created is not to be seen here."""
    for depth in range(len(path) - 1, 0, -1):
        parent, last = lookup(tree, path[:depth]), path[depth - 1]
        if not parent or (isinstance(last, Entry) and parent == {last.key: last.value}):
            tree = _removed(tree, path[:depth])
    return tree


def _removed(tree: object, path: KeyPath) -> object:
    key, rest = path[0], path[1:]
    if isinstance(key, Entry):
        old = _step(tree, key)
        entries = tree if isinstance(tree, list) else []
        if not rest:
            return [one for one in entries if one is not old]
        return [_removed(one, rest) if one is old else one for one in entries]
    found = dict(tree) if isinstance(tree, dict) else {}
    if not rest:
        found.pop(key, None)
    elif key in found:
        found[key] = _removed(found.get(key), rest)
    return found

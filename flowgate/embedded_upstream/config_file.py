"""The config file as the program itself writes it: always in place, as its watcher needs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from flowgate.embedded_upstream import passwords
from flowgate.embedded_upstream.settings import Settings, Tree, load, parse

SECRET = ("remote-management", "secret-key")


def settle(path: Path, settings: Settings) -> Settings:
    """Replace a plaintext management key in the file by its hash.

    Source: v6.8.16-0 rewrites `secret-key` in every run that loads the file

    Returns:
        The settings with the hash; unchanged where there is nothing to hash or no bcrypt.
    """
    if not settings.secret_key or passwords.is_hash(settings.secret_key):
        return settings
    hashed = passwords.hash_key(settings.secret_key)
    if hashed is None:
        return settings
    text = path.read_text(encoding="utf-8")
    if parse(text).secret_key == settings.secret_key:
        write_in_place(path, _with_secret(text, hashed))
        return load(path)
    return settings


def change(path: Path, where: tuple[str, ...], value: Any) -> Settings:
    """Set one value of the file, or take it out (None), and read the file again.

    Args:
        where: The keys that lead to it.
    """
    text = path.read_text(encoding="utf-8")
    tree = dict(parse(text).tree)
    inner = tree
    for key in where[:-1]:
        below = inner.get(key)
        inner[key] = dict(below) if isinstance(below, dict) else {}
        inner = inner[key]
    if value is None:
        inner.pop(where[-1], None)
    else:
        inner[where[-1]] = value
    write_in_place(path, dump(tree, text))
    return load(path)


def dump(tree: Tree, like: str) -> str:
    """Write a config in the style it had: one JSON line, or YAML."""
    if like.lstrip().startswith("{"):
        return json.dumps(tree) + "\n"
    return yaml.safe_dump(tree, sort_keys=False, default_flow_style=False)


def write_in_place(path: Path, text: str) -> None:
    """Truncate and write: a file renamed over the old one would never be seen."""
    with path.open("w", encoding="utf-8") as file:
        file.write(text)


def _with_secret(text: str, hashed: str) -> str:
    """Put the hash where the key stood; in YAML nothing else changes, comments included."""
    if text.lstrip().startswith("{"):
        tree = parse(text).tree
        tree[SECRET[0]][SECRET[1]] = hashed
        return dump(tree, text)
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for name in SECRET:
        node = next(value for key, value in node.value if key.value == name)
    return f'{text[: node.start_mark.index]}"{hashed}"{text[node.end_mark.index :]}'

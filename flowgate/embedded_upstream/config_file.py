"""Writes to the config file, always in place: the config watcher does not see a renamed file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from flowgate.embedded_upstream import passwords, regular_files
from flowgate.embedded_upstream.json_data import Json, JsonObject, mapping
from flowgate.embedded_upstream.settings import Settings, load, parse


def hash_secret(path: Path, settings: Settings) -> Settings:
    """Replace a plain management key in the file by its hash.

    Args:
        path: The config file.
        settings: The settings that were read from it.

    Returns:
        The settings with the hash; the same ones if there is nothing to hash or the file has changed since.

    Raises:
        OSError: The file cannot be written.

    Source: v6.8.16-0 rewrites `secret-key` whenever it loads the file
    """
    if not settings.secret_key or passwords.is_hash(settings.secret_key):
        return settings
    content = regular_files.read_text(path)
    if parse(content).secret_key != settings.secret_key:
        return settings
    write_in_place(path, _with_secret(content, passwords.hash_key(settings.secret_key)))
    return load(path)


def change(path: Path, keys: tuple[str, ...], value: Json) -> Settings:
    """Set one value of the file and read the file again.

    Args:
        path: The config file.
        keys: The keys that lead to the value.
        value: The new value.
    """
    content = regular_files.read_text(path)
    document = parse(content).document
    inner = document
    for key in keys[:-1]:
        below = mapping(inner.get(key))
        inner[key] = below
        inner = below
    inner[keys[-1]] = value
    write_in_place(path, _dump(document, content))
    return load(path)


def write_in_place(path: Path, content: str) -> None:
    """Truncate the file and write it."""
    regular_files.write(path, content.encode())


def _dump(document: JsonObject, like: str) -> str:
    """Write a config in the style of its present text: JSON on one line, or YAML."""
    if like.lstrip().startswith("{"):
        return json.dumps(document) + "\n"
    return yaml.safe_dump(document, sort_keys=False, default_flow_style=False)


def _with_secret(content: str, hashed: str) -> str:
    """Put the hash in place of the key; in YAML nothing else changes, comments included."""
    if content.lstrip().startswith("{"):
        document = parse(content).document
        mapping(document["remote-management"])["secret-key"] = hashed
        return _dump(document, content)
    node: Any = yaml.compose(content, Loader=yaml.SafeLoader)
    for name in ("remote-management", "secret-key"):
        node = next(value for key, value in node.value if key.value == name)
    return f'{content[: node.start_mark.index]}"{hashed}"{content[node.end_mark.index :]}'

"""Find the line of the config that a program's refusal speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowgate.domain import Config

ENOUGH = 3  # a named key, or a value quoted whole
SHORTEST = 4  # letters of a value that is no mere chance


def locate_setting(config: Config, profile: str, words: str) -> str:
    """Find where a refusal points: at a setting whose name or value it quotes.

    Args:
        words: What the program said.

    Returns:
        `file:line`, empty when nothing in it points anywhere; the profile's own settings come before the
        base's.
    """
    message = set(re.findall(r"[\w./:-]*\w", words))
    plain = " ".join(re.findall(r"\w+", words.replace("_", " ").lower()))
    roots = {f"profiles.{profile}": config.profiles[profile], "litellm_base": config.litellm_base}
    found = [
        (_weight(path.rpartition(".")[2], value, message, plain), root != "litellm_base", len(path), path)
        for root, tree in roots.items()
        for path, value in _leaves(root, tree)
    ]
    weight, _, _, path = max(found, default=(0, False, 0, ""))
    return config.place(path) if weight >= ENOUGH else ""


def _leaves(path: str, tree: Any) -> Iterator[tuple[str, Any]]:
    parts = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in parts:
        yield f"{path}.{name}", value
        yield from _leaves(f"{path}.{name}", value)


def _weight(name: str, value: Any, message: set[str], plain: str) -> int:
    """Say how much speaks for a setting: its value quoted whole, its name, the parts of a dotted value."""
    weight = 0
    if isinstance(value, str) and len(value) >= SHORTEST:
        parts = value.split(".")
        if value in message:
            weight += ENOUGH + 1
        elif len(parts) > 1 and set(parts) <= message:
            weight += ENOUGH
    if "_" in name and re.search(rf"\b{re.escape(name.replace('_', ' ').lower())}\b", plain):
        weight += ENOUGH
    return weight

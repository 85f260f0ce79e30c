"""Find the config line that a program's error message is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowgate.domain import Config

THRESHOLD = 3  # score of a setting whose name is in the message
SHORTEST = 4  # shorter values match by chance


def locate_setting(config: Config, profile: str, message: str) -> str:
    """Find the setting that an error message of LiteLLM names, or whose value it quotes.

    Args:
        config: The config.
        profile: Its settings are preferred to those of the base.
        message: The program's output.

    Returns:
        `file:line`, or an empty string if no setting matches.
    """
    words = set(re.findall(r"[\w./:-]*\w", message))
    plain = " ".join(re.findall(r"\w+", message.replace("_", " ").lower()))
    roots = {f"profiles.{profile}": config.profiles[profile], "litellm_base": config.litellm_base}
    found = [
        (_score(path.rpartition(".")[2], value, words, plain), root != "litellm_base", len(path), path)
        for root, tree in roots.items()
        for path, value in _leaves(root, tree)
    ]
    score, _, _, path = max(found, default=(0, False, 0, ""))
    return config.place(path) if score >= THRESHOLD else ""


def _leaves(path: str, tree: Any) -> Iterator[tuple[str, Any]]:
    parts = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in parts:
        yield f"{path}.{name}", value
        yield from _leaves(f"{path}.{name}", value)


def _score(name: str, value: Any, words: set[str], plain: str) -> int:
    """Rate a setting: its whole value in the message counts most, then its name or the parts of a dotted value."""
    score = 0
    if isinstance(value, str) and len(value) >= SHORTEST:
        parts = value.split(".")
        if value in words:
            score += THRESHOLD + 1
        elif len(parts) > 1 and set(parts) <= words:
            score += THRESHOLD
    if "_" in name and re.search(rf"\b{re.escape(name.replace('_', ' ').lower())}\b", plain):
        score += THRESHOLD
    return score

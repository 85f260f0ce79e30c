"""The one merge rule."""

from __future__ import annotations

from copy import deepcopy

from flowgate.domain import Tree


def overlay(base: Tree, over: Tree) -> Tree:
    """Lay a profile over the base settings.

    Source: LiteLLM reads `fallbacks` as one ordered list, so merging lists would reorder it

    Args:
        base: Plain YAML trees; neither is changed.
        over: Plain YAML trees; neither is changed.

    Returns:
        A new tree; mappings merge, lists and scalars are replaced whole.
    """
    merged = deepcopy(base)
    for key, value in over.items():
        known = merged.get(key)
        merged[key] = overlay(known, value) if isinstance(known, dict) and isinstance(value, dict) else deepcopy(value)
    return merged

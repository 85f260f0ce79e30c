"""The one merge rule."""

from __future__ import annotations

from copy import deepcopy

from flowgate.domain import Tree


def overlay(base: Tree, over: Tree) -> Tree:
    """Lay a profile over the base settings.

    base, over: plain YAML trees; neither is changed
    Gives: a new tree; mappings merge, lists and scalars are replaced whole
    Source: LiteLLM reads `fallbacks` as one ordered list, so merging lists would reorder it
    """
    merged = deepcopy(base)
    for key, value in over.items():
        known = merged.get(key)
        merged[key] = overlay(known, value) if isinstance(known, dict) and isinstance(value, dict) else deepcopy(value)
    return merged

"""How a profile is merged over the base settings."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, TypeVar, cast

M = TypeVar("M", bound=Mapping[str, Any])


def overlay(base: M, over: Mapping[str, Any]) -> M:
    """Merge settings over other settings.

    Args:
        base: Plain YAML data; not changed.
        over: Plain YAML data; not changed.

    Returns:
        A new tree: mappings are merged, lists and scalars are replaced.

    Source: LiteLLM reads `fallbacks` as one ordered list, so merging lists would reorder it.
    """
    merged: dict[str, Any] = deepcopy(dict(base))
    for key, value in over.items():
        known = merged.get(key)
        merged[key] = overlay(known, value) if isinstance(known, dict) and isinstance(value, dict) else deepcopy(value)
    return cast("M", merged)

"""The one merge rule."""

from __future__ import annotations

from flowgate.config.overlay import overlay


def test_mappings_merge_and_everything_else_is_replaced_whole() -> None:
    base = {"a": {"x": 1, "y": 2}, "l": [1, 2], "s": 1}
    assert overlay(base, {"a": {"y": 3}, "l": [9], "s": {"t": 1}}) == {"a": {"x": 1, "y": 3}, "l": [9], "s": {"t": 1}}


def test_neither_tree_is_changed_nor_shared() -> None:
    base, over = {"a": {"x": [1]}}, {"b": {"y": [2]}}
    merged = overlay(base, over)
    merged["a"]["x"].append(9)
    merged["b"]["y"].append(9)
    assert (base, over) == ({"a": {"x": [1]}}, {"b": {"y": [2]}})

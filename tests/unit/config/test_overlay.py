"""Merging a profile over the base."""

from __future__ import annotations

from flowgate.config.overlay import overlay


def test_mappings_are_merged_and_everything_else_is_replaced() -> None:
    base = {"a": {"x": 1, "y": 2}, "l": [1, 2], "s": 1}
    assert overlay(base, {"a": {"y": 3}, "l": [9], "s": {"t": 1}}) == {"a": {"x": 1, "y": 3}, "l": [9], "s": {"t": 1}}


def test_the_result_shares_nothing_with_the_inputs() -> None:
    base, over = {"a": {"x": [1]}}, {"b": {"y": [2]}}
    merged = overlay(base, over)
    merged["a"]["x"].append(9)
    merged["b"]["y"].append(9)
    assert (base, over) == ({"a": {"x": [1]}}, {"b": {"y": [2]}})

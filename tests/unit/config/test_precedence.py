"""Precedence of the sources of a value."""

from __future__ import annotations

from itertools import combinations

import pytest

from flowgate.config.precedence import ORDER, pick
from flowgate.domain import Sourced


@pytest.mark.parametrize("higher, lower", list(combinations(ORDER, 2)))
def test_the_source_with_the_higher_precedence_wins_in_any_order(higher: str, lower: str) -> None:
    one, other = Sourced("a", higher, "here"), Sourced("b", lower)
    assert pick(other, one) == pick(one, other) == one


def test_a_source_that_set_nothing_is_ignored() -> None:
    default = Sourced(4000, "default")
    assert pick(None, default, None) == default


def test_an_empty_value_counts_as_set() -> None:
    assert pick(Sourced("", "typed"), Sourced("b", "default")).value == ""

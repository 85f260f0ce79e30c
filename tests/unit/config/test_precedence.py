"""Who set a value."""

from __future__ import annotations

from itertools import combinations

import pytest

from flowgate.config.precedence import ORDER, pick
from flowgate.domain import Sourced


@pytest.mark.parametrize("nearer, farther", list(combinations(ORDER, 2)))
def test_the_nearer_one_wins_in_whatever_order_they_are_named(nearer: str, farther: str) -> None:
    one, other = Sourced("a", nearer, "here"), Sourced("b", farther)
    assert pick(other, one) == pick(one, other) == one


def test_whoever_set_nothing_does_not_count() -> None:
    default = Sourced(4000, "default")
    assert pick(None, default, None) == default


def test_an_empty_value_was_set_all_the_same() -> None:
    assert pick(Sourced("", "typed"), Sourced("b", "default")).value == ""

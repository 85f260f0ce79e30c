"""Tests of the order in which a request goes through fallbacks; every expectation was measured on LiteLLM's router."""

from __future__ import annotations

from typing import Any, cast

import pytest

from flowgate.domain import LiteLLMSettings, RouterSettings
from flowgate.gateway import promises
from flowgate.gateway.fallback_walk import Fallbacks, depth_limit

MIXED = {"a": ("b", "c"), "b": ("d", "e"), "d": ("f",)}
CHAIN = {one: (two,) for one, two in zip("abcdefg", "bcdefgh", strict=True)}
DEEP = {"a": ("b", "c", "d"), "d": ("e", "f"), "e": ("g",), "f": ("h",)}


@pytest.mark.parametrize(
    ("lists", "limit", "asked"),
    [
        ({"a": tuple("bcdefgh")}, 5, "abcdefgh"),
        ({"a": tuple("bcdefgh")}, 1, "abcdefgh"),
        ({"a": tuple("bcdefgh")}, 0, "a"),
        (CHAIN, 5, "abcdef"),
        (CHAIN, 2, "abc"),
        (MIXED, 5, "abdfce"),
        (MIXED, 2, "abdec"),
        (DEEP, 4, "abcdef"),
        (DEEP, 5, "abcdegf"),
        (DEEP, 6, "abcdegfh"),
        ({"*": ("b", "c"), "b": ("d",)}, 1, "abc"),
        ({"a": ("b",), "b": ("a",)}, 5, "ab"),
        ({"a": ("b", "b", "c")}, 5, "abc"),
    ],
)
def test_a_request_asks_each_name_once_and_only_so_deep(lists: Any, limit: int, asked: str) -> None:
    assert "".join(Fallbacks(lists, limit).walk("a")) == asked


def test_names_beyond_the_depth_are_cut_off() -> None:
    assert Fallbacks(CHAIN, 5).cut_off("a") == ["g", "h"]
    assert Fallbacks(MIXED, 5).cut_off("a") == []


def test_orders_of_deployments_count_as_fallbacks() -> None:
    assert Fallbacks(CHAIN, 3, {"a": 1}).walk("a") == ["a", "b", "c"]


@pytest.mark.parametrize(("written", "limit"), [(None, 5), (0, 0), (7, 7), ("x", 5), (True, 5)])
def test_the_depth_is_litellms_unless_it_is_written(written: Any, limit: int) -> None:
    assert depth_limit(cast("RouterSettings", {"max_fallbacks": written})) == limit


def settings(count: int, **router: object) -> LiteLLMSettings:
    models = [{"model_name": name, "litellm_params": {"model": f"openai/{name}"}} for name in "abcdefgh"[:count]]
    fallbacks = [{name: list(targets)} for name, targets in CHAIN.items()]
    return cast("LiteLLMSettings", {"model_list": models, "router_settings": {"fallbacks": fallbacks, **router}})


def test_what_is_promised_ends_at_the_depth() -> None:
    assert promises.read(settings(8)).length == 6
    assert promises.read(settings(8, max_fallbacks=2)).length == 3


def test_without_depth_there_are_no_fallbacks() -> None:
    found = promises.read(settings(8, max_fallbacks=0))
    assert (found.length, found.fallbacks) == (1, {})

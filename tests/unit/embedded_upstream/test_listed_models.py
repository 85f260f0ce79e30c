"""The formats of the model lists."""

from __future__ import annotations

import pytest

from flowgate.embedded_upstream import listed_models
from flowgate.embedded_upstream.listed_models import ListedModel

LISTED = [ListedModel("gpt-5", "openai", 60, "Z", 7, 8), ListedModel("claude-x", "anthropic", 0, "A")]


@pytest.mark.parametrize(
    "name", ["gpt-5", "openrouter/free", "minimax/m2.5:free", "claude-opus", "", "claude-fable-5-dd", "modèle", "a(b"]
)
def test_a_disguised_name_is_revealed_again(name: str) -> None:
    shown = listed_models.disguise(name)
    assert listed_models.revealed(shown) == name
    assert not name or shown.startswith("claude-")


@pytest.mark.parametrize(
    ("name", "real"),
    [
        ("claude-fable-5-dd-5-tpg(high)", "gpt-5(high)"),
        ("claude-fable-5-dd-", "claude-fable-5-dd-"),
        ("claude-opus(low)", "claude-opus(low)"),
        ("gpt-5", "gpt-5"),
    ],
)
def test_only_a_disguised_name_is_changed(name: str, real: str) -> None:
    assert listed_models.revealed(name) == real


def test_the_newest_lines_sort_by_title_and_tell_limits() -> None:
    made = listed_models.anthropic(LISTED, newest=True, disguised=True)
    assert (made["first_id"], made["last_id"]) == ("claude-x", "claude-fable-5-dd-5-tpg")
    limits = {"max_input_tokens": 7, "max_tokens": 8, "context_length": 7, "max_completion_tokens": 8}
    assert limits.items() <= made["data"][1].items()  # type: ignore[index, union-attr]


def test_disguises_can_be_switched_off_and_older_lines_have_none() -> None:
    for newest in (True, False):
        made = listed_models.anthropic(LISTED, newest=newest, disguised=False)
        assert {made["first_id"], made["last_id"]} == {"gpt-5", "claude-x"}


def test_an_empty_list_has_empty_ends() -> None:
    made = listed_models.anthropic([], newest=True, disguised=True)
    assert made == {"data": [], "has_more": False, "first_id": "", "last_id": ""}

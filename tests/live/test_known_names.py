"""The request filter refuses no name that LiteLLM's own routing answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.live
CHILD = Path(__file__).parent / "names_child.py"
NAMES = [
    "big",
    "alias",
    "group",
    "an-id",
    "openai/gpt-x",
    "gpt-4o",
    "o3",
    "claude-sonnet-4-5",
    "local/x",
    "ghost",
    "zzz",
    "*",
]


def entry(name: str, model: str = "openai/gpt-x", **info: str) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": model, "api_key": "none"}, "model_info": info}


def settings(*entries: dict[str, Any], **router: Any) -> dict[str, Any]:
    return {"model_list": [entry("big", id="an-id"), *entries], "router_settings": {"num_retries": 0, **router}}


KINDS = {
    "models": settings(),
    "aliases": settings(model_group_alias={"alias": "big"}),
    "fallbacks of unknown names": settings(fallbacks=[{"ghost": ["big"]}]),
    "fallbacks of all names": settings(default_fallbacks=["big"]),
    "a pattern": settings(entry("local/*", "openai/*")),
    "a pattern of a provider": settings(entry("openai/*", "openai/*")),
    "a pattern of another provider": settings(entry("anthropic/*", "anthropic/*")),
    "a pattern, fallbacks of unknown names": settings(entry("local/*", "openai/*"), fallbacks=[{"ghost": ["big"]}]),
    "a pattern, fallbacks of all names": settings(entry("local/*", "openai/*"), default_fallbacks=["big"]),
    "a model for all names": settings(entry("*", "openai/*")),
}


@pytest.fixture(scope="module")
def found() -> dict[str, list[tuple[str, bool, bool]]]:
    """Return for each kind of settings: name, whether LiteLLM answers it, whether the filter lets it pass."""
    asked = json.dumps([(one, NAMES) for one in KINDS.values()])
    done = subprocess.run(
        [sys.executable, str(CHILD)], input=asked, capture_output=True, text=True, timeout=600, check=True
    )
    return dict(zip(KINDS, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_no_name_that_is_answered_is_refused(found: dict[str, list[tuple[str, bool, bool]]], kind: str) -> None:
    assert [name for name, answered, known in found[kind] if answered and not known] == []
    assert [name for name, answered, _ in found[kind] if answered]


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_is_not_answered_is_refused(found: dict[str, list[tuple[str, bool, bool]]], kind: str) -> None:
    assert [name for name, answered, known in found[kind] if known and not answered] == []

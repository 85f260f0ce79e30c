"""What models cannot do, as far as it is known."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.domain import Deployment
from flowgate.gateway import capabilities

from .conftest import deployment


def lacks(model: str, capability: str, *, is_upstream: bool = False, mode: Any = None) -> bool:
    entry: Deployment = deployment("name", model)
    if mode is not None:
        entry["model_info"] = {"mode": mode}  # type: ignore[typeddict-unknown-key]
    return capability in capabilities.lacking([(entry, is_upstream)])


@pytest.mark.parametrize("capability", capabilities.ALL)
def test_nothing_is_known_about_a_provider_without_a_mode(capability: str) -> None:
    assert not lacks("openai/gpt-5", capability)


@pytest.mark.parametrize("mode", capabilities.MODES)
def test_a_mode_has_its_own_capability_and_no_foreign_one(mode: str) -> None:
    own = capabilities.MODES[mode]
    assert [one for one in capabilities.ALL if not lacks("x/y", one, mode=mode)] == [
        one for one in capabilities.ALL if one in own
    ]


@pytest.mark.parametrize("mode", ["unheard-of", "", 5, ["chat"], {}])
def test_an_unknown_mode_says_nothing(mode: object) -> None:
    assert not lacks("openai/gpt-5", "embeddings", mode=mode)


@pytest.mark.parametrize("capability", ["embeddings", "moderations", "rerank", "speech", "transcription", "ocr"])
def test_the_upstream_has_no_such_route(capability: str) -> None:
    assert lacks("openai/gpt-5", capability, is_upstream=True)
    assert not lacks("openai/gpt-5", "text", is_upstream=True)


def test_images_of_the_upstream_depend_on_its_version() -> None:
    assert not lacks("openai/gpt-image", "images", is_upstream=True)


def test_anthropics_api_has_text_only() -> None:
    assert lacks("anthropic/claude", "embeddings")
    assert not lacks("anthropic/claude", "text")


def test_one_deployment_that_may_is_enough() -> None:
    entries = [(deployment("name", "openai/a"), True), (deployment("name", "openai/b"), False)]
    assert capabilities.lacking(entries) == ()
    assert capabilities.lacking([]) == ()

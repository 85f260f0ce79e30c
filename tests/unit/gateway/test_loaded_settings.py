"""What the filter asks about LiteLLM inside its process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import pytest

from flowgate.gateway import loaded_settings


class BadRequestError(Exception):
    """As LiteLLM's."""


def find(model: str, request_kwargs: object) -> tuple[str, list[object]]:
    if model.startswith("broken"):
        raise RuntimeError
    if not model.startswith("known"):
        raise BadRequestError
    return model, []


Load = Callable[..., None]


@pytest.fixture
def load() -> Iterator[Load]:
    """Return a function that puts a proxy with some attributes where LiteLLM's would be."""
    before = {name: sys.modules.get(name) for name in (loaded_settings.PROXY, loaded_settings.LIBRARY)}

    def put(**attributes: object) -> None:
        library, proxy = ModuleType("litellm"), ModuleType("proxy_server")
        library.__dict__["BadRequestError"] = BadRequestError
        proxy.__dict__.update(attributes)
        sys.modules.update({loaded_settings.LIBRARY: library, loaded_settings.PROXY: proxy})

    yield put
    for name, module in before.items():
        if module is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = module


def router(*fallbacks: object, patterns: object = None) -> SimpleNamespace:
    return SimpleNamespace(
        _common_checks_available_deployment=find,
        fallbacks=list(fallbacks),
        pattern_router=SimpleNamespace(patterns=patterns),
    )


@pytest.mark.parametrize(("key", "accepted"), [("sk-1", ("sk-1",)), ("", ()), (None, ()), (5, ())])
def test_the_key_is_the_one_that_is_loaded(load: Load, key: object, accepted: tuple[str, ...]) -> None:
    load(master_key=key)
    assert loaded_settings.accepted_keys() == accepted


@pytest.mark.parametrize(("name", "known"), [("known", True), ("other", False), ("broken", True)])
def test_the_router_decides_about_a_name(load: Load, name: str, known: bool) -> None:
    load(llm_router=router())
    assert loaded_settings.knows_model(name) is known


@pytest.mark.parametrize(("patterns", "known"), [({"openai/(.*)": []}, True), ({}, False), (None, False)])
def test_a_fallback_of_an_unknown_name_is_used_beside_patterns(load: Load, patterns: object, known: bool) -> None:
    load(llm_router=router("x", {"other": ["known"]}, patterns=patterns))
    assert loaded_settings.knows_model("other") is known


@pytest.mark.parametrize("found", [None, SimpleNamespace()])
def test_a_router_that_cannot_be_asked_decides_itself(load: Load, found: object) -> None:
    load(llm_router=found)
    assert loaded_settings.knows_model("other")

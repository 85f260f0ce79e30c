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


def router(*fallbacks: object, **changes: object) -> SimpleNamespace:
    """Return a router with patterns; it knows all names that begin with "known"."""
    about = {"default_deployment": None, "deployment_names": ["openai/x"], "team_public_model_names": {"team"}}
    return SimpleNamespace(
        **{**about, **changes},
        _common_checks_available_deployment=find,
        is_recognized_model=lambda name: name == "recognized",
        fallbacks=list(fallbacks),
        pattern_router=SimpleNamespace(patterns=changes.get("patterns", {"openai/(.*)": []})),
    )


@pytest.mark.parametrize(("key", "accepted"), [("sk-1", ("sk-1",)), ("", ()), (None, ()), (5, ())])
def test_the_key_is_the_one_that_is_loaded(load: Load, key: object, accepted: tuple[str, ...]) -> None:
    load(master_key=key)
    assert loaded_settings.accepted_keys() == accepted


@pytest.mark.parametrize(("name", "known"), [("known", True), ("other", False), ("broken", True), ("gone", True)])
def test_a_router_with_patterns_decides_about_a_name(load: Load, name: str, known: bool) -> None:
    load(llm_router=router("x", {"gone": ["known"]}))
    assert loaded_settings.knows_model(name) is known


@pytest.mark.parametrize(
    ("name", "known"),
    [("recognized", True), ("openai/x", True), ("team", True), ("known", False), ("gone", False), ("other", False)],
)
def test_without_patterns_fallbacks_make_no_name_known(load: Load, name: str, known: bool) -> None:
    load(llm_router=router({"gone": ["x"]}, {"*": ["x"]}, patterns={}))
    assert loaded_settings.knows_model(name) is known


def test_a_deployment_for_all_names_is_asked(load: Load) -> None:
    load(llm_router=router(patterns={}, default_deployment={"model_name": "*"}))
    assert loaded_settings.knows_model("known")


@pytest.mark.parametrize("found", [None, SimpleNamespace(), SimpleNamespace(pattern_router=SimpleNamespace())])
def test_a_router_that_cannot_be_asked_decides_itself(load: Load, found: object) -> None:
    load(llm_router=found)
    assert loaded_settings.knows_model("other")

"""Modules that the settings name are found beside the config file."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowgate.domain import Config, Document, Secret, Sourced
from flowgate.errors import UsageError
from flowgate.gateway.build import BuildInputs, build
from flowgate.gateway.own_modules import find, references

Make = Callable[..., Config]
SETTINGS: list[dict[str, Any]] = [
    {"litellm_settings": {"callbacks": ["tally.counter"]}},
    {"litellm_settings": {"callbacks": "tally.counter"}},
    {"litellm_settings": {"success_callback": ["langfuse", "tally.counter"]}},
    {"litellm_settings": {"failure_callback": ["tally.counter"]}},
    {"litellm_settings": {"post_call_rules": "tally.counter"}},
    {"litellm_settings": {"custom_provider_map": [{"provider": "own", "custom_handler": "tally.counter"}]}},
    {"general_settings": {"custom_auth": "tally.counter"}},
    {"general_settings": {"custom_key_generate": "tally.counter"}},
    {"guardrails": [{"guardrail_name": "g", "litellm_params": {"guardrail": "tally.counter"}}]},
]


def loaders(config: Config, files: dict[str, str]) -> tuple[Document, ...]:
    modules = find(config, lambda path: files.get(str(path)), lambda name: name.startswith("installed."))
    built = build(config, Sourced("balanced", "typed"), BuildInputs({}, Secret("sk-upstream"), modules=modules))
    return built.services["litellm"].documents[1:]


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_module_beside_the_config_gets_a_loader(config: Make, settings: dict[str, Any]) -> None:
    (loader,) = loaders(config(profiles={"balanced": settings}), {"/home/me/tally.py": "counter = 1"})
    assert loader.path == Path("/home/me/.router/runtime/tally.py")
    assert "'/home/me/tally.py'" in loader.text


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_module_that_lies_nowhere_is_refused(config: Make, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"'tally.counter' cannot be loaded: /home/me/tally.py does not exist"):
        loaders(config(profiles={"balanced": settings}), {})


def test_an_installed_module_and_a_known_name_need_no_loader(config: Make) -> None:
    settings = {"litellm_settings": {"callbacks": ["installed.hooks.one", "prometheus"]}}
    assert loaders(config(profiles={"balanced": settings}), {}) == ()
    assert list(references({"litellm_settings": {"callbacks": ["prometheus"]}})) == []


def test_a_changed_module_is_a_new_program(config: Make) -> None:
    changed = config(profiles={"balanced": SETTINGS[0]})
    one, other = (loaders(changed, {"/home/me/tally.py": text})[0].text for text in ("counter = 1", "counter = 2"))
    assert one != other


def test_a_loader_gives_what_the_module_contains(config: Make, tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "tally.py").write_text("import beside_it\ncounter = beside_it.value\n")
    (tmp_path / "beside_it.py").write_text("value = 7\n")
    whole = config(profiles={"balanced": {"litellm_settings": {"callbacks": ["pkg.tally.counter"]}}}, root=tmp_path)
    (loader,) = loaders(whole, {str(tmp_path / "pkg" / "tally.py"): "…"})
    (tmp_path / "loader.py").write_text(loader.text)
    spec = importlib.util.spec_from_file_location("pkg.tally", tmp_path / "loader.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.counter == 7

"""What the installed LiteLLM declares, read from its source without importing it."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml

from flowgate.config.loader import read as read_config
from flowgate.domain import Config
from flowgate.errors import UsageError
from flowgate.gateway import litellm_keys
from flowgate.gateway.build import BuildInputs, compile_policy
from flowgate.gateway.litellm_declarations import Declarations, of_installed, read
from flowgate.gateway.value_kinds import Kind
from flowgate.system import installed
from tests.conftest import CHECKOUT

pytestmark = pytest.mark.skipif(installed.version("litellm") is None, reason="LiteLLM is not installed")
SECTIONS = ("model_list", "router_settings", "litellm_settings", "general_settings")
INVALID = ("langfuse_config.yaml", "load_balancer.yaml")  # LiteLLM refuses them: no `litellm_params`, no such provider


def kind(*types: str) -> Kind:
    return Kind(frozenset(types))


def test_the_declarations_of_the_installed_release_are_read() -> None:
    found = of_installed()
    assert found.version == installed.version("litellm")
    assert found.router.keys() >= litellm_keys.ROUTER
    assert set(found.retry_policy) == litellm_keys.RETRY_POLICY
    assert set(found.fails_policy) == litellm_keys.FAILS_POLICY
    assert len(found.general) > 100
    assert len(found.providers) > 100


def test_kinds_are_read() -> None:
    found = of_installed()
    assert found.router["num_retries"] == kind("int", "none")
    assert found.router["cooldown_time"] == kind("float", "none")
    assert found.params["rpm"] == kind("int", "none")
    assert found.library["drop_params"] == kind("bool")
    assert found.general["master_key"] == kind("str", "none")
    assert "simple-shuffle" in getattr(found.router["routing_strategy"], "words", ())


SIGNATURE = "self, model_list: list[str] | None = None, num_retries: int | None = None, brand_new: bool = False"
INIT = f"    def __init__(\n        {SIGNATURE},\n    ) -> None:\n        pass\n"
ROUTERS = {
    "router.py": f"\nclass Router:\n{INIT}",
    "router_python_core.py": f"\nclass PythonCore(Old):\n{INIT}",
    "router.py of 1.110": f"\ndef _router_init(\n    {SIGNATURE},\n) -> None:\n    pass\n",
}


@pytest.mark.parametrize("file", ROUTERS)
def test_the_arguments_of_the_router_are_found_wherever_a_release_has_them(file: str) -> None:
    found = read("9", lambda path: ROUTERS[file] if path == file.partition(" ")[0] else None, lambda word: False)
    assert set(found.router) == {"model_list", "num_retries", "brand_new"}
    assert found.router["brand_new"] == kind("bool")


def test_litellm_is_not_imported() -> None:
    of_installed()
    assert "litellm" not in sys.modules


@pytest.mark.parametrize(
    "source", ["", "def completion(", "class Router:\n    def __init__(\n  (", "\x00", "class X(:"]
)
def test_a_source_that_cannot_be_read_declares_nothing(source: str) -> None:
    found = read("9", lambda path: source, lambda word: True)
    assert (found.router, found.providers, found.general) == ({}, frozenset(), {})
    assert read("9", lambda path: None, lambda word: True).retry_policy == {}


def test_nothing_is_refused_if_nothing_is_declared(config: object) -> None:
    assert callable(config)
    made = config(profiles={"balanced": {"router_settings": {"timeout": "1m"}}})
    assert isinstance(made, Config)
    inputs = BuildInputs({}, None, declared=Declarations("1.108.9"))
    assert "1m" in compile_policy(made, "balanced", inputs).litellm["router_settings"].values()


def compiled(text: str) -> None:
    made = read_config(text, Path("/x/f.yaml"))
    for profile in made.profiles:
        compile_policy(made, profile, BuildInputs({}, None))


@pytest.mark.parametrize("file", ["flowgate.yaml", "embedded.yaml", "api-keys.yaml"])
def test_the_example_configs_are_accepted(file: str) -> None:
    compiled((CHECKOUT / "config" / "examples" / file).read_text(encoding="utf-8"))


def examples() -> list[Path]:
    folder = installed.folder("litellm")
    listed = [*folder.glob("proxy/*.yaml"), *folder.glob("proxy/example_config_yaml/*.yaml")] if folder else []
    return sorted(listed)


@pytest.mark.parametrize("file", examples(), ids=lambda file: file.name)
def test_the_examples_of_litellm_are_accepted(file: Path) -> None:
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    base = {name: tree[name] for name in SECTIONS if tree.get(name)}
    base.setdefault("model_list", [{"model_name": "a", "litellm_params": {"model": "openai/a"}}])
    invalid = file.name in INVALID
    with pytest.raises(UsageError) if invalid else nullcontext():
        compiled(yaml.safe_dump({"config_version": 2, "litellm_base": base, "profiles": {"p": {}}}))

"""Setting names that a LiteLLM knows are never refused; without its source nothing is certain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowgate.domain import Config
from flowgate.errors import FlowGateError
from flowgate.gateway import preflight
from flowgate.gateway.build import BuildInputs, compile_policy
from flowgate.gateway.litellm_behaviour import number
from flowgate.gateway.litellm_declarations import Declarations, of_installed
from flowgate.gateway.value_kinds import Kind

Make = Callable[..., Config]
NEW = Kind(frozenset({"bool"}))
NEWER = Declarations(
    "1.109.9",
    router={"num_retries": None, "fallbacks": None, "retry_policy": None, "fallback_on_new_things": NEW},
    library={"drop_params": NEW, "keep_new_params": NEW},
    general={"master_key": None, "mcp_new_thing": NEW},
    retry_policy={"TimeoutErrorRetries": None, "NewErrorRetries": None},
    looked_up=lambda section: frozenset({"disable_new_logging"}) if section == "general_settings" else frozenset(),
)


def checked(make: Make, declared: Declarations, **tree: Any) -> tuple[list[FlowGateError], list[str]]:
    config = make(profiles={"balanced": tree}, places={"profiles.balanced": "f.yaml:20"})
    policy = compile_policy(config, "balanced", BuildInputs({}, None, declared=declared))
    return preflight.faults(config, "balanced", policy), preflight.warnings(config, "balanced", policy)


@pytest.mark.parametrize(
    "tree",
    [
        {"router_settings": {"fallback_on_new_things": True}},
        {"litellm_settings": {"fallback_on_new_things": True}},
        {"litellm_settings": {"keep_new_params": True}},
        {"general_settings": {"mcp_new_thing": True}},
        {"general_settings": {"disable_new_logging": True}},
        {"router_settings": {"retry_policy": {"NewErrorRetries": 1}}},
    ],
)
def test_a_name_that_only_a_newer_release_knows_is_accepted(config: Make, tree: Any) -> None:
    assert checked(config, NEWER, **tree) == ([], [])


@pytest.mark.skipif(number(of_installed().version) < (1, 108), reason="LiteLLM 1.108 added these names")
@pytest.mark.parametrize(
    "tree",
    [
        {"router_settings": {"fallback_on_unsupported_params": True}},
        {"general_settings": {"mcp_disabled_capabilities": ["tools"]}},
        {"general_settings": {"disable_requester_ip_address_logging": True}},
        {"litellm_settings": {"drop_params": True}},
    ],
)
def test_names_that_the_installed_release_has_added_are_accepted(config: Make, tree: Any) -> None:
    assert checked(config, of_installed(), **tree) == ([], [])


@pytest.mark.parametrize(
    ("tree", "fix"),
    [
        ({"router_settings": {"fallback_on_new_thing": True}}, "did you mean 'fallback_on_new_things'?"),
        ({"general_settings": {"mcp_new_things": True}}, "did you mean 'mcp_new_thing'?"),
        ({"router_settings": {"model_list": []}}, "LiteLLM"),
        ({"router_settings": {"retry_policy": {"NewErrorRetrys": 1}}}, "did you mean 'NewErrorRetries'?"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_version(config: Make, tree: Any, fix: str) -> None:
    (fault,), _ = checked(config, NEWER, **tree)
    assert fault.what.startswith("LiteLLM 1.109.9 has no setting")
    assert fault.fix.startswith(fix)


@pytest.mark.parametrize("section", ["router_settings", "litellm_settings", "general_settings"])
def test_without_a_readable_source_an_unknown_name_is_a_warning(config: Make, section: str) -> None:
    faults, (warning,) = checked(config, Declarations("1.108.9"), **{section: {"num_retriez": 1}})
    assert faults == []
    assert warning.startswith(f"whether LiteLLM 1.108.9 knows '{section}.num_retriez' is not known")

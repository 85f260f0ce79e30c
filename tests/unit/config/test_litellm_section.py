"""The shape of LiteLLM's settings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowgate.domain import Config
from flowgate.errors import FlowGateError, InvalidValue

Reads = Callable[..., Config]
Refuses = Callable[[str], list[FlowGateError]]


def test_a_base_without_models_is_rejected_with_an_example(refuses: Refuses) -> None:
    (fault,) = refuses("litellm_base: {}\n")
    assert fault.what == "'litellm_base.model_list' is missing"
    assert "model_name" in fault.fix


@pytest.mark.parametrize(
    "settings, name",
    [
        ("model_list:", "model_list"),
        ("model_list: [m]", "model_list.0"),
        ("model_list: [{model_name: m, litellm_params: {model: ''}}]", "model_list.0.litellm_params.model"),
        ("router_settings:", "router_settings"),
        ("environment_variables: [A]", "environment_variables"),
        ("router_settings: {fallbacks: {m: [n]}}", "router_settings.fallbacks"),
        ("router_settings: {fallbacks: [{m: n}]}", "router_settings.fallbacks"),
        ("litellm_settings: {context_window_fallbacks: [m]}", "litellm_settings.context_window_fallbacks"),
        ("router_settings: {model_group_alias: {m: [n]}}", "router_settings.model_group_alias"),
        ("router_settings: {default_fallbacks: router-default}", "router_settings.default_fallbacks"),
        ("router_settings: {retry_policy: [1]}", "router_settings.retry_policy"),
        ("router_settings: {model_group_retry_policy: {m: 1}}", "router_settings.model_group_retry_policy"),
        ("model_list: [{model_name: m, model_info: [1], litellm_params: {model: o/x}}]", "model_list.0.model_info"),
    ],
)
def test_settings_of_a_wrong_shape_are_rejected(refuses: Refuses, settings: str, name: str) -> None:
    (fault,) = refuses(f"profiles: {{a: {{{settings} }}}}\n")
    assert isinstance(fault, InvalidValue)
    assert fault.name == f"profiles.a.{name}"


@pytest.mark.parametrize(
    "settings",
    [
        "router_settings: {fallbacks: [{m: [n, {model: o}]}], model_group_alias: {a: m, b: {model: m, hidden: true}}}",
        "router_settings: {a_setting_of_tomorrow: [1, {x: y}]}",
        "router_settings: {default_fallbacks: [m, {model: n}], retry_policy: {TimeoutErrorRetries: 0}}",
        "agents: []",
        "worker_registry: []",
    ],
)
def test_other_settings_are_not_checked(reads: Reads, settings: str) -> None:
    assert list(reads(f"profiles: {{a: {{{settings}}}}}\n").profiles) == ["a"]


def test_a_profile_may_be_empty(reads: Reads) -> None:
    assert reads("profiles:\n  plain:\n").profiles == {"plain": {}}

"""The shape of LiteLLM's settings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowgate.domain import Config
from flowgate.errors import FlowGateError, InvalidValue

Reads = Callable[..., Config]
ErrorsOf = Callable[[str], list[FlowGateError]]


def test_a_base_without_models_is_rejected_with_an_example(errors_of: ErrorsOf) -> None:
    (error,) = errors_of("litellm_base: {}\n")
    assert error.what == "'litellm_base.model_list' is missing"
    assert "model_name" in error.fix


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
def test_settings_of_a_wrong_shape_are_rejected(errors_of: ErrorsOf, settings: str, name: str) -> None:
    (error,) = errors_of(f"profiles: {{a: {{{settings} }}}}\n")
    assert isinstance(error, InvalidValue)
    assert error.name == f"profiles.a.{name}"


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

"""Errors in a profile and between the two programs' settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flowgate.domain import Config
from flowgate.errors import FlowGateError
from flowgate.gateway import preflight
from flowgate.gateway.build import BuildInputs, compile_policy
from flowgate.gateway.litellm_declarations import of_installed

Make = Callable[..., Config]


def checked(config: Config, text: str | None = None) -> tuple[list[FlowGateError], list[str]]:
    policy = compile_policy(config, "balanced", BuildInputs({}, None, text))
    return preflight.faults(config, "balanced", policy), preflight.warnings(config, "balanced", policy)


def profile(make: Make, **tree: Any) -> Config:
    places = {"profiles.balanced": "f.yaml:20", "profiles.balanced.router_settings.fallbacks": "f.yaml:22"}
    return make(profiles={"balanced": tree}, places=places)


def test_a_valid_config_has_no_error_and_no_warning(config: Make) -> None:
    assert checked(profile(config, router_settings={"timeout": 60})) == ([], [])


def test_health_checks_that_cost_money_are_a_warning(config: Make) -> None:
    _, (warning,) = checked(profile(config, general_settings={"background_health_checks": True}))
    assert "costs money (f.yaml:20)" in warning
    assert checked(profile(config, general_settings={"background_health_checks": False}))[1] == []


def test_a_fallback_to_an_unknown_model_is_an_error_with_its_line(config: Make) -> None:
    (fault,), _ = checked(profile(config, router_settings={"fallbacks": [{"router-default": ["router-chaep"]}]}))
    assert (str(fault), fault.fix) == (
        "no model of fallbacks is called 'router-chaep' (f.yaml:22)",
        "did you mean 'router-cheap'?",
    )


def test_a_fallback_of_an_unknown_model_is_an_error(config: Make) -> None:
    (fault,), _ = checked(profile(config, router_settings={"fallbacks": [{"router-defalt": ["router-cheap"]}]}))
    assert "'router-defalt'" in fault.what


def test_an_error_in_the_base_has_its_line_there(config: Make) -> None:
    made = replace(profile(config), places={"litellm_base.router_settings.fallbacks": "f.yaml:11"})
    made.litellm_base["router_settings"]["fallbacks"] = [{"router-default": ["gone"]}]
    assert checked(made)[0][0].place == "f.yaml:11"


@pytest.mark.parametrize(
    "settings",
    [
        {"default_fallbacks": ["gone"]},
        {"context_window_fallbacks": [{"router-default": ["gone"]}]},
        {"model_group_alias": {"other": "gone"}},
    ],
)
def test_every_kind_of_fallback_must_name_a_known_model(config: Make, settings: dict[str, Any]) -> None:
    assert ["'gone'" in fault.what for fault in checked(profile(config, router_settings=settings))[0]] == [True]


@pytest.mark.parametrize(
    ("fallbacks", "aliases", "cycle"),
    [
        ([{"router-default": ["router-default"]}], {}, "router-default → router-default"),
        ([{"router-cheap": ["router-dear"]}], {"router-dear": "router-cheap"}, "router-cheap → router-dear"),
        (
            [{"router-default": ["router-cheap"]}, {"router-cheap": ["same"]}],
            {"same": "router-default"},
            "router-default → router-cheap → same",
        ),
    ],
)
def test_fallbacks_that_ask_a_failed_model_again_are_an_error(
    config: Make, fallbacks: Any, aliases: Any, cycle: str
) -> None:
    (fault,), _ = checked(profile(config, router_settings={"fallbacks": fallbacks, "model_group_alias": aliases}))
    assert cycle in fault.what


@pytest.mark.parametrize("key", ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"])
def test_two_models_may_replace_each_other(config: Make, key: str) -> None:
    both = [{"router-default": ["router-cheap"]}, {"router-cheap": ["router-default"]}]
    assert checked(profile(config, router_settings={key: both}))[0] == []


def test_a_shared_fallback_is_not_a_loop(config: Make) -> None:
    chains = [{"router-default": ["elsewhere", "router-cheap"]}, {"router-cheap": ["elsewhere"]}]
    assert checked(profile(config, router_settings={"fallbacks": chains}))[0] == []


@pytest.mark.parametrize(
    ("tree", "message", "fix"),
    [
        ({"router_settings": {"num_retrys": 1}}, "'router_settings.num_retrys'", "did you mean 'num_retries'?"),
        ({"router_settings": {"request_timeout": 1}}, "'router_settings.request_timeout'", "did you mean 'timeout'?"),
        ({"litellm_settings": {"drop_parms": True}}, "'litellm_settings.drop_parms'", "did you mean 'drop_params'?"),
        ({"general_settings": {"master_kay": "x"}}, "'general_settings.master_kay'", "did you mean 'master_key'?"),
        (
            {"router_settings": {"retry_policy": {"TimeoutRetries": 0}}},
            "'router_settings.retry_policy.TimeoutRetries'",
            "did you mean 'TimeoutErrorRetries'?",
        ),
    ],
)
def test_a_misspelt_setting_is_an_error(config: Make, tree: Any, message: str, fix: str) -> None:
    (fault,), _ = checked(profile(config, **tree))
    assert message in fault.what
    assert fault.fix.startswith(fix)


def test_an_unknown_setting_without_a_similar_one_is_a_warning(config: Make) -> None:
    assert checked(profile(config, litellm_settings={"zzz": 1})) == (
        [],
        [f"LiteLLM {of_installed().version} has no setting 'litellm_settings.zzz' (f.yaml:20)"],
    )


def test_another_key_for_cliproxyapiplus_is_a_warning(config: Make) -> None:
    made = profile(config)
    made.litellm_base["model_list"][0]["litellm_params"]["api_key"] = "os.environ/OTHER"
    assert any("another key than os.environ/UPSTREAM_API_KEY" in one for one in checked(made)[1])


def test_cliproxyapiplus_key_sent_to_another_server_is_a_warning(config: Make) -> None:
    made = profile(config)
    made.litellm_base["model_list"][0]["litellm_params"]["api_base"] = "http://127.0.0.1:8318/v1"
    warned = "router-default sends CLIProxyAPIPlus' key to 127.0.0.1:8318; CLIProxyAPIPlus is at 127.0.0.1:8317"
    assert checked(made)[1] == [warned]


@pytest.mark.parametrize(
    ("router", "message"),
    [
        ({"timeout": 60, "stream_timeout": 90}, "a stream may be silent for 90 s, longer than a whole response"),
        ({"timeout": 900, "num_retries": 0}, "an old generation drains for 10 min"),
        ({"timeout": 500, "num_retries": 2}, "most clients give up after 10 min"),
    ],
)
def test_timeouts_that_do_not_nest_are_a_warning(config: Make, router: Any, message: str) -> None:
    assert any(message in one for one in checked(profile(config, router_settings=router))[1])


def test_retries_that_multiply_are_a_warning(config: Make) -> None:
    text = "request-retry: 3\nmax-retry-interval: 30"
    warned = checked(profile(config, router_settings={"timeout": 60}), text)[1]
    assert [one.partition(":")[0].partition(",")[0] for one in warned] == [
        "retries multiply",
        "CLIProxyAPIPlus may pause 30 s before each of its retries (max-retry-interval)",
    ]


def test_models_that_cliproxyapiplus_does_not_list_are_found() -> None:
    assert preflight.unserved_models(("big", "small"), {"small"}) == ["big"]


def test_profiles_as_commonly_written_have_no_errors(config: Make) -> None:
    from tests.unit.gateway.test_policy import COMMON

    for tree in COMMON.values():
        assert checked(profile(config, **tree))[0] == []


def test_a_wildcard_model_accepts_every_fallback(config: Make) -> None:
    made = profile(config, router_settings={"fallbacks": [{"any": ["thing"]}]})
    made.litellm_base["model_list"] = [{"model_name": "*", "litellm_params": {"model": "openai/*"}}]
    assert checked(made)[0] == []


ACTIVE = "/home/me/.router/runtime/litellm.active.yaml"
OTHER_PROGRAMS = [
    (("uvx", "litellm"), {}, "whether uvx gets the profile is not known"),
    (("python3", "-m", "litellm", "--config", "mine.yaml"), {}, f"write --config {ACTIVE}"),
    (("uvx", "litellm", "--config", ACTIVE), {}, ""),
    (("uvx", "litellm", f"--config={ACTIVE}"), {}, ""),
    (("uvx", "litellm", "--config", ".router/runtime/litellm.active.yaml"), {}, ""),
    (("docker-litellm",), {"CONFIG_FILE_PATH": ACTIVE}, ""),
    (("uvx", "litellm", "--config", ACTIVE, "--port", "4001"), {}, "--port 4001, but services.litellm.port is 4000"),
    (("uvx", "litellm", "--config", ACTIVE, "--port=4001"), {}, "--port 4001, but services.litellm.port is 4000"),
    (("uvx", "litellm", "--config", ACTIVE, "--port=4000"), {}, ""),
]


@pytest.mark.parametrize(("args", "env", "words"), OTHER_PROGRAMS)
def test_a_program_that_may_not_get_the_profile_is_a_warning(
    config: Make, args: tuple[str, ...], env: dict[str, str], words: str
) -> None:
    services = dict(config().services)
    services["litellm"] = replace(services["litellm"], args=args, env=env)
    _, warnings = checked(replace(profile(config, router_settings={"timeout": 60}), services=services))
    assert [words in one for one in warnings] == ([True] if words else [])

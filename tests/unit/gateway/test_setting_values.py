"""Values of LiteLLM's settings that are of a wrong kind, and references that are resolved before they are judged."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flowgate.errors import FlowGateError
from flowgate.gateway import policy_summary
from flowgate.gateway.litellm_declarations import of_installed
from tests.unit.gateway.written import error, errors, policy, text

VERSION = of_installed().version
WRONG = [  # (setting, what is wanted, fix)
    ("timeout: 1m", "a number of seconds", "write 60"),
    ("timeout: 2 minutes", "a number of seconds", "write 120"),
    ("timeout: 500ms", "a number of seconds", "write 0.5"),
    ("timeout: .nan", "a number of seconds", "remove it"),
    ("timeout: .inf", "a number of seconds", "remove it"),
    ("timeout: -1", "a number of seconds above 0", "remove it"),
    ("timeout: 0", "a number of seconds above 0", "LiteLLM takes 0 as not set"),
    ("timeout: 1e12", "at most 10000000", "write at most 10000000"),
    ("timeout: true", "a number of seconds", "write a number of seconds"),
    ("timeout: [60]", "a number of seconds", "write a number of seconds"),
    ("timeout: {seconds: 60}", "a number of seconds", "write a number of seconds"),
    ("stream_timeout: soon", "a number of seconds", ""),
    ("num_retries: three", "a whole number", "write 3"),
    ("num_retries: 1.5", "a whole number", "write 1 or 2"),
    ("num_retries: 100000", "from 0 to 100", "write at most 100"),
    (f"num_retries: 0x{'f' * 20}", "a whole number", ""),
    ("num_retries: yes", "a whole number", ""),
    ("cooldown_time: ten", "a number of seconds", "write 10"),
    ("cooldown_time: 1h", "a number of seconds", "write 3600"),
    ("cooldown_time: -0.5", "a number of seconds from 0", "remove it"),
    ("allowed_fails: -1", "a whole number from 0", ""),
    ("retry_after: 1s", "a number of seconds", "write 1"),
    ("retry_policy: {TimeoutErrorRetries: two}", "a whole number", "write 2"),
    ("retry_policy: {TimeoutErrorRetries: .inf}", "a whole number", ""),
    ("allowed_fails_policy: {TimeoutErrorAllowedFails: -3}", "a whole number", ""),
    ("model_group_retry_policy: {big: {TimeoutErrorRetries: [1]}}", "a whole number", ""),
    ("disable_cooldowns: 1", "true or false", "write true"),
    ("disable_cooldowns: maybe", "true or false", "write true or false"),
    ("routing_strategy: simple-shufle", "one of", "did you mean 'simple-shuffle'?"),
    ("optional_pre_call_checks: prompt_caching", "a list", "write [prompt_caching]"),
    ("optional_pre_call_checks: [prompt_cachin]", "one of", "did you mean 'prompt_caching'?"),
    ("routing_strategy_args: 5", "a mapping", ""),
]
WRONG_PARAMS = [
    ("timeout: 1m", "write 60"),
    ("rpm: ten", "write 10"),
    ("tpm: 1.5", "write 1 or 2"),
    ("rpm: -1", "remove it"),
    ("max_retries: -1", "remove it"),
    ("weight: two", "write 2"),
    ("order: first", "remove it"),
    ("cooldown_time: 10s", "write 10"),
    ("num_retries: true", "write a whole number"),
    ("temperature: hot", "remove it"),
    ("api_version: 2024", "put it in quotes"),
    ("timeout_by_service_tier: {flex: 5m}", "write 300"),
]
RIGHT = [
    *("timeout: 60", "timeout: 0.5", "timeout:", "num_retries: 0", "allowed_fails: 0", "cooldown_time: 1"),
    *("retry_after: 0.5", "allowed_fails_policy: {BadRequestErrorAllowedFails: 1000}", "redis_port: 6379"),
    *("routing_strategy: least-busy", "disable_cooldowns: false", "polling_interval: 3"),
]


@pytest.mark.parametrize(("setting", "wanted", "fix"), WRONG)
def test_a_wrong_kind_is_refused_with_its_line_and_a_correction(setting: str, wanted: str, fix: str) -> None:
    found = error(text(f"router_settings: {{{setting}}}"))
    assert wanted in found.what
    assert (found.place, found.code, found.fix[: len(fix)]) == ("/x/f.yaml:11", 2, fix)
    assert f"LiteLLM {VERSION}" in found.what


@pytest.mark.parametrize(("setting", "fix"), WRONG_PARAMS)
def test_a_wrong_kind_in_a_deployment_is_refused(setting: str, fix: str) -> None:
    found = error(text(params=setting))
    assert (found.place, found.fix[: len(fix)]) == ("/x/f.yaml:5", fix)


@pytest.mark.parametrize(
    "base",
    [
        *("litellm_settings: {request_timeout: 1m}", "litellm_settings: {num_retries: many}"),
        *("litellm_settings: {max_budget: lots}", "litellm_settings: {success_callback: langfuse}"),
        *("litellm_settings: {turn_off_message_logging: 'yes'}", "general_settings: {alerting: slack}"),
        *("general_settings: {max_parallel_requests: ten}", "general_settings: {health_check_interval: 5m}"),
        *("general_settings: {background_health_checks: 1}", "general_settings: {zzz: 0x" + "f" * 20 + "}"),
    ],
)
def test_a_wrong_kind_in_the_other_sections_is_refused(base: str) -> None:
    assert error(text(base=base)).place == "/x/f.yaml:8"


@pytest.mark.parametrize("setting", RIGHT)
def test_a_right_kind_is_accepted(setting: str) -> None:
    assert errors(text(f"router_settings:\n      {setting}")) == []


@pytest.mark.parametrize(
    ("written", "meant"), [("'2'", 2), ("2.0", 2), ("'1e1'", 10), ("' 3 '", 3), ("os.environ/N", 4)]
)
def test_a_number_that_litellm_would_not_convert_is_converted_and_said(written: str, meant: int) -> None:
    made = policy(text(f"router_settings: {{num_retries: {written}}}"), {"N": "4"})
    router: Any = made.litellm["router_settings"]
    assert (router["num_retries"], made.promises.retries["refusal"]) == (meant, meant)
    assert any(f"{meant}" in line and "num_retries" in line for line in made.changes)


@pytest.mark.parametrize(("written", "meant"), [("'false'", False), ("'TRUE'", True), ("os.environ/F", True)])
def test_a_switch_that_is_a_text_is_converted(written: str, meant: bool) -> None:
    made = policy(text(f"router_settings: {{disable_cooldowns: {written}}}"), {"F": "True"})
    assert made.litellm["router_settings"]["disable_cooldowns"] is meant


@pytest.mark.parametrize("written", ["0", "0.0", "'0'", "os.environ/NAP"])
def test_a_cooldown_of_0_is_what_litellm_makes_of_it(written: str) -> None:
    made = policy(text(f"router_settings: {{cooldown_time: {written}}}"), {"NAP": "0"})
    assert made.promises.cooldown_seconds == made.litellm["router_settings"]["cooldown_time"] == 5
    assert "for no cooldowns write disable_cooldowns: true" in made.changes[0]


@pytest.mark.parametrize(
    "base",
    [
        *("general_settings: {alerting_threshold: 0.001}", "general_settings: {max_request_size_mb: 1e-9}"),
        *("litellm_settings: {vertex_ai_safety_settings: [{category: a}]}", "litellm_settings: {callbacks: langfuse}"),
        *("litellm_settings: {cache: true, drop_params: true}", "litellm_settings: {ssl_verify: false}"),
        "general_settings: {key_management_settings: {hosted_keys: [LITELLM_MASTER_KEY]}}",
    ],
)
def test_documented_settings_of_litellm_are_accepted(base: str) -> None:
    assert errors(text(base=base)) == []


@pytest.mark.parametrize(
    ("value", "fix"), [("three", "export TRIES=3"), ("1m", "export TRIES=…"), ("-1", "export TRIES=…")]
)
def test_a_variable_of_a_wrong_kind_is_refused(value: str, fix: str) -> None:
    found = error(text("router_settings: {num_retries: os.environ/TRIES}"), {"TRIES": value})
    assert (found.place, found.fix) == ("/x/f.yaml:11", fix)
    assert "the variable TRIES must be a whole number" in found.what


@pytest.mark.parametrize(
    "setting",
    [
        *(
            "retry_policy: {TimeoutErrorRetries: os.environ/N}",
            "allowed_fails_policy: {TimeoutErrorAllowedFails: os.environ/N}",
        ),
        *("model_group_retry_policy: {big: {TimeoutErrorRetries: os.environ/N}}", "cooldown_time: os.environ/N"),
        *(
            "stream_timeout: os.environ/N",
            "default_litellm_params: {timeout: os.environ/N}",
            "redis_port: os.environ/N",
        ),
    ],
)
def test_references_are_resolved_wherever_a_number_belongs(setting: str) -> None:
    router = policy(text(f"router_settings: {{{setting}}}"), {"N": "7"}).litellm["router_settings"]
    assert "os.environ" not in str(router)
    assert "7" in str(router)
    assert error(text(f"router_settings: {{{setting}}}"), {"N": "seven!"}).fix == "export N=…"


def test_the_value_of_a_variable_is_not_printed() -> None:
    found = error(text("router_settings: {timeout: os.environ/OOPS}"), {"OOPS": "hunter2"})
    assert "hunter2" not in f"{found} {found.fix}"


def test_an_address_is_resolved_before_it_is_judged() -> None:
    config = text().replace('"http://127.0.0.1:8317/v1"', "os.environ/SOUTH")
    made = policy(config, {"SOUTH": "http://127.0.0.1:8317/v1"})
    assert made.why == "no provider has a second account, so LiteLLM's retries must reach the vendor"
    assert made.unknown == ()


@pytest.mark.parametrize("url", ["http://me:hunter2@127.0.0.1:8317/v1", "http://me@h", "http://[::1"])
def test_an_address_with_a_password_stays_a_reference(url: str) -> None:
    made = policy(text().replace('"http://127.0.0.1:8317/v1"', "os.environ/SOUTH"), {"SOUTH": url})
    assert made.litellm["model_list"][0]["litellm_params"]["api_base"] == "os.environ/SOUTH"
    assert not any("hunter2" in line for line in made.changes)


def test_a_key_stays_a_reference() -> None:
    made = policy(text(), {"UPSTREAM_API_KEY": "hunter2"})
    assert "hunter2" not in str(made.litellm) + str(made.changes)


@pytest.mark.parametrize(
    "setting",
    [
        "fallbacks: [{big: [os.environ/SMALL]}]",
        "default_fallbacks: [os.environ/SMALL]",
        "context_window_fallbacks: [{big: [os.environ/SMALL]}]",
    ],
)
def test_a_reference_that_litellm_does_not_resolve_is_refused(setting: str) -> None:
    found = error(text(f"router_settings: {{{setting}}}"), {"SMALL": "small"})
    assert "resolves none in a list" in found.what


def test_an_alias_is_resolved() -> None:
    made = policy(text("router_settings: {model_group_alias: {x: os.environ/A}}"), {"A": "small"})
    assert made.litellm["router_settings"]["model_group_alias"] == {"x": "small"}


def test_a_secret_of_a_wrong_kind_is_not_printed() -> None:
    found = error(text(base="general_settings: {master_key: 1234567}"))
    assert ("1234567" in found.what, found.fix) == (False, "put it in quotes")


SCALARS = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=8), st.sampled_from([2**70, -(2**70), "1m"])
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.text(max_size=4), SCALARS, max_size=2))
INSTALLED = of_installed()
NAMES = {
    "router_settings": INSTALLED.router.keys() - {"model_group_alias"},
    "litellm_settings": INSTALLED.library.keys() | {"num_retries", "allowed_fails_policy"},
    "general_settings": INSTALLED.general.keys() | {"zzz"},
    "litellm_params": INSTALLED.params.keys() - {"model"},
}
REFERENCES = st.sampled_from(["os.environ/SET", "os.environ/NOT_SET"])


def settings_of(section: str) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(sorted(NAMES[section]) or ["timeout"])
    return st.dictionaries(names, st.one_of(VALUES, REFERENCES), max_size=3)


@settings(deadline=None)  # a name that LiteLLM does not declare is searched in its source
@given(st.data(), st.sampled_from(["3", "0", "1m", "nan", "true", "x" * 5000, "9" * 5000, "http://[::1"]))
def test_no_value_ends_in_anything_but_an_error_of_the_user(data: st.DataObject, variable: str) -> None:
    drawn = {section: data.draw(settings_of(section)) for section in NAMES}
    params = {"model": "openai/b", **drawn.pop("litellm_params")}
    base = {"model_list": [{"model_name": "big", "litellm_params": params}]}
    written = yaml.safe_dump({"config_version": 2, "litellm_base": base, "profiles": {"calm": drawn}})
    found: list[FlowGateError] = errors(written, {"SET": variable})
    assert {one.code for one in found} <= {2}
    if not found:
        assert policy_summary.describe(policy(written, {"SET": variable}))

"""Settings whose meaning depends on the version of LiteLLM in force."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.gateway import litellm_behaviour as behaviour
from flowgate.gateway import version_warnings


def warnings(version: str, **params: Any) -> list[str]:
    settings: Any = {"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/m", **params}}]}
    return list(version_warnings.warnings(settings, version))


@pytest.mark.parametrize("base", ["http://127.0.0.1:11434/v1", "http://localhost:8000/v1", "http://192.168.1.9/v1"])
def test_a_local_deployment_without_a_key_is_a_warning_where_it_may_be_refused(base: str) -> None:
    (line,) = warnings("1.108.15", api_base=base)
    assert line.startswith("m: a local deployment without api_key may answer with 401 on LiteLLM 1.108.15")
    assert warnings("1.108.7", api_base=base) == []
    assert warnings("1.108.15", api_base=base, api_key="none") == []


@pytest.mark.parametrize("base", ["", "https://api.example.com/v1", "os.environ/BASE", "http://[broken", None])
def test_other_addresses_are_no_local_deployments(base: str | None) -> None:
    assert warnings("1.108.15", api_base=base) == []


@pytest.mark.parametrize(("version", "count"), [("1.108.7", 0), ("1.109.0", 1), ("1.109.3", 1), ("", 0)])
def test_a_limit_that_no_longer_limits_is_a_warning(version: str, count: int) -> None:
    found = warnings(version, rpm=5)
    assert len(found) == count
    assert all(one.startswith("rpm of m is no hard limit on LiteLLM 1.109") for one in found)


@pytest.mark.parametrize("limit", ["rpm", "tpm", "itpm", "otpm"])
@pytest.mark.parametrize(
    ("checks", "fallbacks", "count"),
    [
        (["enforce_model_rate_limits"], [{"m": ["n"]}], 1),
        (["enforce_model_rate_limits"], [{"*": ["n"]}], 1),
        (["enforce_model_rate_limits"], [{"n": ["m"]}], 0),
        (["enforce_model_rate_limits"], [], 0),
        (["prompt_caching"], [{"m": ["n"]}], 0),
        (None, [{"m": ["n"]}], 0),
    ],
)
def test_an_enforced_limit_of_a_model_with_a_fallback_is_a_warning(
    limit: str, checks: Any, fallbacks: Any, count: int
) -> None:
    entries = [
        {"model_name": "m", "litellm_params": {"model": "openai/m", limit: 5}},
        {"model_name": "n", "litellm_params": {"model": "openai/n"}},
    ]
    made: Any = {"model_list": entries, "router_settings": {"optional_pre_call_checks": checks, "fallbacks": fallbacks}}
    found = list(version_warnings.warnings(made, "1.108.7"))
    assert len(found) == count
    assert all(one.startswith("m: requests over a limit") for one in found)


@pytest.mark.parametrize(
    ("version", "refused"),
    [("1.106.2", False), ("1.108.7", False), ("1.109.3", False), ("", False), ("1.110.0", True), ("2.0.1", True)],
)
def test_a_release_with_the_router_in_rust_is_refused(version: str, refused: bool) -> None:
    found = list(version_warnings.faults(version))
    assert bool(found) is refused
    assert all(f"cannot run LiteLLM {version}" in one.what and "below 1.110.0" in one.fix for one in found)


@pytest.mark.parametrize("version", behaviour.OBSERVED)
def test_a_measured_version_is_said_to_be_one(version: str) -> None:
    assert behaviour.observed(version) == f"measured on LiteLLM 1.106.2 and 1.108.7; {version} is in force"


@pytest.mark.parametrize("version", ["1.108.8", "1.109.3", ""])
def test_a_version_that_was_never_measured_is_said_so(version: str) -> None:
    assert "never measured: rehearse the profile" in behaviour.observed(version)

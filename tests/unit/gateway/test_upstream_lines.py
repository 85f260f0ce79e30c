"""What a line of CLIProxyAPIPlus does reaches the promises of a profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flowgate.domain import Config
from flowgate.gateway import policy_summary
from flowgate.gateway.build import BuildInputs, compile_policy
from flowgate.gateway.policy import Policy
from tests.unit.gateway.conftest import UPSTREAM, deployment, settings

Make = Callable[..., Config]
SETTING = "transient-error-cooldown-seconds"


def compiled(config: Make, version: str, own: str = "", program: str = "CLIProxyAPIPlus") -> Policy:
    """Compile a profile for two accounts and a version of the real program."""
    services = {
        "litellm": settings("litellm", 4000, ".router/runtime/bin/litellm"),
        "cliproxyapi_plus": settings("cliproxyapi_plus", 8317, f"bin/{program}", "-config", "own.yaml"),
    }
    base: Any = {"model_list": [deployment("m", "openai/big", UPSTREAM)]}
    made = config(services=services, litellm_base=base)
    inputs = BuildInputs({}, None, own or "debug: false\n", {"codex": 2}, version)
    return compile_policy(made, "balanced", inputs)


@pytest.mark.parametrize(
    "version, own, seconds",
    [
        ("v6.8.16-0", "", 60),
        ("v7.2.101-1", "", 60),
        ("v7.2.101-1", f"{SETTING}: 5\n", 5),
        ("v7.2.137-9", f"{SETTING}: 300\n", 300),
        ("7.2.140", f"{SETTING}: 10\n", 10),
        ("7.2.140", f"{SETTING}: 0\n", 60),
        ("7.2.140", f"{SETTING}: -1\n", None),
        ("v6.8.16-0", f"{SETTING}: 5\n", 60),
        ("v7.1.43-0", f"{SETTING}: 5\n", 60),
        ("", f"{SETTING}: 5\n", 60),
    ],
)
def test_the_cooldown_of_an_account_is_that_of_the_version(
    config: Make, version: str, own: str, seconds: float | None
) -> None:
    policy = compiled(config, version, own)
    found = policy.promises
    assert (found.cooldown_seconds, found.cooldown_after) == ((seconds, 1) if seconds else (0.0, None))
    words = "\n".join(policy_summary.describe(policy))
    assert ("no account goes into cooldown" in words) == (seconds is None)
    assert seconds in (None, 60) or f"at its first 5xx, for {policy_summary.seconds(float(seconds or 0))}" in words


@pytest.mark.parametrize(
    "version, said",
    [
        ("v6.8.16-0", "CLIProxyAPIPlus v6.8.16-0: a model that no account serves is answered 502"),
        ("v7.2.101-1", "CLIProxyAPIPlus v7.2.101-1: a model that no account serves is answered 502"),
        ("v7.2.137-9", "CLIProxyAPIPlus v7.2.137-9: after a 429 an account may be in cooldown for up to 24 h"),
        ("7.2.140", "CLIProxyAPIPlus 7.2.140: a model that no account serves is answered 400"),
        ("v7.1.43-0", "CLIProxyAPIPlus v7.1.43-0: its behaviour was not recorded"),
    ],
)
def test_the_profile_says_what_the_version_does(config: Make, version: str, said: str) -> None:
    assert [line for line in policy_summary.describe(compiled(config, version)) if line.startswith(said)]


@pytest.mark.parametrize("version, program", [("", "CLIProxyAPIPlus"), ("6.8", "embedded-upstream")])
def test_nothing_is_said_of_a_program_that_is_not_installed_or_not_real(
    config: Make, version: str, program: str
) -> None:
    assert compiled(config, version, program=program).upstream_facts == ()


def test_nothing_is_said_if_no_model_goes_through_it(config: Make) -> None:
    made = config(litellm_base={"model_list": [deployment("m", "openai/x")]})
    services = {
        **made.services,
        "cliproxyapi_plus": replace(made.services["cliproxyapi_plus"], args=("bin/CLIProxyAPIPlus",)),
    }
    inputs = BuildInputs({}, None, upstream_version="7.2.140")
    assert compile_policy(replace(made, services=services), "balanced", inputs).upstream_facts == ()

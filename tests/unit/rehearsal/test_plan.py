"""The plan of a rehearsal: which settings are used, and what is rejected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.domain import LiteLLMSettings
from flowgate.errors import UnknownName, UsageError
from flowgate.rehearsal.plan import Plan, make_plan
from flowgate.rehearsal.scenarios import SCENARIOS
from tests.unit.steps.conftest import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def plan(stage: Stage, profile: str = "balanced", as_written: bool = False) -> Plan:
    return make_plan(stage.context(), profile, litellm_only=False, as_written=as_written)


def test_an_unknown_profile_is_an_error(stage: Stage) -> None:
    with pytest.raises(UnknownName, match="'cots'"):
        plan(stage, "cots")


def test_a_fallback_to_an_unknown_model_is_an_error(stage: Stage) -> None:
    wrong: LiteLLMSettings = {"router_settings": {"fallbacks": [{"router-default": ["router-chep"]}]}}
    stage.config = replace(stage.config, profiles={"balanced": wrong})
    with pytest.raises(UsageError, match="router-chep"):
        plan(stage)


def test_a_profile_whose_models_are_all_patterns_is_requested_by_a_name_that_one_matches(stage: Stage) -> None:
    models: LiteLLMSettings = {"model_list": [{"model_name": "*", "litellm_params": {"model": "openai/*"}}]}
    stage.config = replace(stage.config, litellm_base=models)
    assert plan(stage).roles.requested == "example"


def test_no_scenario_waits_for_cliproxyapi_plus_if_litellm_applies_cooldowns(stage: Stage) -> None:
    made = plan(stage)
    assert [one.name for one in SCENARIOS.values() if made.waits_for_upstream_cooldown(one)] == []


def test_only_a_recovery_waits_for_a_cooldown_of_cliproxyapi_plus(stage: Stage) -> None:
    made = plan(stage)
    made = replace(made, policy=replace(made.policy, cooldowns_by="CLIProxyAPIPlus"))
    assert [one.name for one in SCENARIOS.values() if made.waits_for_upstream_cooldown(one)] == ["recovery"]


def test_a_profile_as_written_gets_no_changes(stage: Stage) -> None:
    written = plan(stage, "cost", as_written=True)
    assert (written.settings["router_settings"], written.upstream_settings) == ({"num_retries": 0}, {})


def test_a_compiled_profile_sets_the_cooldowns_of_cliproxyapi_plus(stage: Stage) -> None:
    assert "disable-cooling" in plan(stage, "cost").upstream_settings

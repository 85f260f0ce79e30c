"""The step `rehearse_litellm`: what it refuses, what it announces, and what it does not repeat."""

from __future__ import annotations

import pytest

from flowgate.domain import Change, Result
from flowgate.errors import ProgramMissing, UnknownName
from flowgate.rehearsal import version_record
from flowgate.rehearsal.plan import make_plan
from flowgate.rehearsal.scenarios import SCENARIOS
from flowgate.rehearsal.version_record import Rehearsed, VersionRecord, settings_digest
from flowgate.steps.rehearse_litellm import rehearse_litellm
from flowgate.system import installed
from tests.unit.gateway import fake_environment
from tests.unit.steps.conftest import Stage

NEW = "1.99.9"


@pytest.fixture
def gateway(stage: Stage) -> Stage:
    fake_environment.build(stage.prepared().config, NEW)
    return stage


def recorded(stage: Stage, *broken: str) -> None:
    """Record a rehearsal of all profiles on the new version."""
    context = stage.context()
    environment = fake_environment.known(stage.config, NEW)
    context.run_state.litellm = environment
    plans = [make_plan(context, name, litellm_only=False, as_written=False) for name in stage.config.profiles]
    done = {one.profile: Rehearsed(settings_digest(one), tuple(SCENARIOS), 9, 9, broken) for one in plans}
    version_record.write(context, VersionRecord(NEW, environment.digest, "2026-11-26", done))


def look(stage: Stage, version: str = NEW, **params: bool | str) -> Result | Change:
    return rehearse_litellm(stage.context().read_only(), version=version, **params)  # type: ignore[arg-type]


def test_it_announces_the_profiles_with_different_settings(gateway: Stage) -> None:
    found = look(gateway)
    assert isinstance(found, Change)
    assert found.summary.startswith(f"rehearse balanced, cost on LiteLLM {NEW}: ")
    assert (found.changes, bool(found.unpredicted)) == (False, True)


def test_what_was_rehearsed_with_the_same_settings_is_not_repeated(gateway: Stage) -> None:
    recorded(gateway)
    found = look(gateway, scenario="500")
    assert isinstance(found, Result)
    assert "was rehearsed with these settings (2026-11-26)" in found.message


def test_a_broken_promise_is_rehearsed_again_unless_it_is_accepted(gateway: Stage) -> None:
    recorded(gateway, "500: answered: promised yes, observed no")
    assert isinstance(look(gateway), Change)
    found = look(gateway, accept_broken=True)
    assert isinstance(found, Result)
    assert found.facts["broken"] == 2


def test_after_a_change_of_the_config_it_is_rehearsed_again(gateway: Stage) -> None:
    recorded(gateway)
    gateway.config.profiles["cost"]["router_settings"] = {"num_retries": 3}
    assert isinstance(look(gateway), Change)


def test_the_version_in_force_is_not_rehearsed(gateway: Stage) -> None:
    found = look(gateway, installed.version("litellm") or "")
    assert isinstance(found, Result)
    assert "in force already" in found.message


def test_a_version_that_is_not_installed_is_refused_but_in_check_mode(gateway: Stage) -> None:
    with pytest.raises(ProgramMissing):
        look(gateway, "1.99.7")
    assert isinstance(look(gateway, "1.99.7", expected=True), Change)


def test_an_unknown_scenario_is_refused(gateway: Stage) -> None:
    with pytest.raises(UnknownName, match="no scenario is called"):
        look(gateway, scenario="50")

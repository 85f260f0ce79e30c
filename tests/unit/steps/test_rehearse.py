"""The step `rehearse`: what it refuses, how it reads what was seen, and what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowgate.domain import Change
from flowgate.errors import UnknownName, UsageError
from flowgate.rehearsal import private_stack
from flowgate.rehearsal.private_stack import Attempt
from flowgate.rehearsal.runner import Put, attributed
from flowgate.rehearsal.scenarios import SCENARIOS, Fault
from flowgate.rehearsal.verdicts import Asked
from flowgate.steps import rehearse as step
from tests.unit.steps.conftest import Stage


def test_an_unknown_scenario_is_refused_with_those_there_are(stage: Stage) -> None:
    with pytest.raises(UnknownName, match="no scenario is called '50'") as refused:
        step.rehearse(stage.context().read_only(), scenario="50")
    assert (refused.value.code, refused.value.fix) == (2, "did you mean '500'?")


def test_an_unknown_profile_is_refused(stage: Stage) -> None:
    with pytest.raises(UnknownName, match="no profile is called 'cots'"):
        step.rehearse(stage.context().read_only(), profile="cots")


def test_a_fallback_that_names_no_model_is_refused_before_anything_starts(stage: Stage) -> None:
    lost = {"router_settings": {"fallbacks": [{"router-default": ["router-chep"]}]}}
    stage.config = replace(stage.config, profiles={"balanced": lost})
    with pytest.raises(UsageError, match="router-chep"):
        step.rehearse(stage.context().read_only())


def test_a_profile_with_nothing_but_patterns_cannot_be_asked(stage: Stage) -> None:
    models = [{"model_name": "*", "litellm_params": {"model": "openai/*"}}]
    stage.config = replace(stage.config, litellm_base={"model_list": models})
    with pytest.raises(UsageError, match="no model that can be asked"):
        step.rehearse(stage.context().read_only())


def test_it_only_asks_and_what_it_will_see_cannot_be_foretold(stage: Stage) -> None:
    found = step.rehearse(stage.context().read_only(), every=True, scenario="500")
    assert isinstance(found, Change)
    assert (found.summary, found.changes) == ("rehearse balanced, cost: scenario 500", False)
    assert found.unpredicted


def test_an_attempt_belongs_to_the_question_that_was_under_way() -> None:
    puts = [Put(100.0, 1.0, ""), Put(101.0, 0.5, ""), Put(102.0, 0.5, "500 no")]
    arrived = [
        *(Attempt("primary", 100.1, True), Attempt("primary", 100.4, True), Attempt("secondary", 100.9, False)),
        *(Attempt("primary", 101.0, False), Attempt("primary", 102.1, True), Attempt("primary", 109.0, True)),
    ]
    assert attributed(puts, arrived, zero=100.0) == [
        Asked(0.0, 1.0, "secondary", {"primary": 2, "secondary": 1}),
        Asked(1.0, 0.5, "primary", {"primary": 1}),
        Asked(2.0, 0.5, None, {"primary": 2}),
    ]


def test_an_answer_that_its_client_did_not_get_whole_was_given_by_nobody() -> None:
    cut = [Put(100.0, 1.0, "the stream ended in the middle")]
    assert attributed(cut, [Attempt("primary", 100.1, False)], 100.0)[0].by is None


def test_a_pause_that_a_vendor_asks_for_is_scaled_and_is_at_least_a_second() -> None:
    fault = Fault(status=429, retry_after=30)
    assert private_stack.plain(fault, 0.1) == {"status": 429, "retry_after": 3, "every": 1}
    assert private_stack.plain(fault, 0.001)["retry_after"] == 1
    assert private_stack.plain(Fault(refuses=True), 1.0) == {"every": 1}


def test_a_broken_promise_is_named_with_what_was_seen() -> None:
    row = {"scenario": "500", "promise": "benched", "promised": "after 2 failed", "observed": "not in 6 that failed"}
    told = "cost breaks a promise in '500': benched: after 2 failed, seen not in 6 that failed"
    assert step.sentence([("cost", row)]) == told
    assert step.sentence([("cost", row), ("cost", row)]) == f"{told}; 1 more are broken"


def test_only_a_recovery_has_to_wait_for_the_souths_own_minute(stage: Stage) -> None:
    made = step.script(stage.context(), "balanced", alone=False, as_written=False)
    assert [one.name for one in SCENARIOS.values() if step.waits_south(made, one)] == []


def test_a_profile_as_written_gets_nothing_from_flowgate(stage: Stage) -> None:
    written = step.script(stage.context(), "cost", alone=False, as_written=True)
    assert (written.tree["router_settings"], written.south) == ({"num_retries": 0}, {})
    assert "disable-cooling" in step.script(stage.context(), "cost", alone=False, as_written=False).south

"""Tables and sentences made from the result of a rehearsal."""

from __future__ import annotations

import pytest

from flowgate.rehearsal import summary
from tests.unit.rehearsal.results import profile, rehearsal, scenario

BROKEN = "cost & more breaks a promise in scenario '500': cooldown: promised within 2 failed requests, observed <never>"


def test_answers_and_attempts_are_counted_by_role() -> None:
    found = scenario()
    assert summary.answers(found) == "secondary 1, error 1, primary 1"
    assert summary.attempts(found) == "primary 3, secondary 1"


def test_the_return_of_the_primary_is_measured_from_the_end_of_the_fault() -> None:
    assert summary.return_time(scenario(fault_ended_at=1.0)) == "after 1.1 s"


def test_a_primary_that_does_not_return_is_named() -> None:
    assert summary.return_time(scenario(fault_ended_at=3.0)) == "never"


def test_without_an_end_of_the_fault_there_is_no_return() -> None:
    assert summary.return_time(scenario()) == ""


def test_the_heading_shows_the_stack_and_the_time_scale() -> None:
    heading = summary.heading(profile(scenario()))
    assert "LiteLLM through the embedded upstream" in heading
    assert "1 s here is 10 s in operation" in heading


def test_tables_have_one_row_per_promise_and_per_scenario() -> None:
    found = profile(scenario(), scenario("broken", name="hang"))
    assert [row[0] for row in summary.promise_table(found, every=True)] == ["scenario", "500", "hang"]
    row = ["500", "secondary 1, error 1, primary 1", "0.50 s", "0.10 s", "primary 3, secondary 1", ""]
    assert summary.scenario_table(found)[1] == row


def test_promises_that_were_kept_are_counted_instead_of_listed() -> None:
    found = profile(scenario(), scenario("broken", name="hang"), scenario("cannot", name="cut"), scenario(name="429"))
    assert [row[0] for row in summary.promise_table(found, every=False)] == ["scenario", "hang", "cut"]
    assert summary.left_out(found) == "the other 2 promises were kept; --verbose lists every promise"


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["kept", "kept"], "all 2 promises were kept"),
        (["kept", "broken"], "the other promise was kept"),
        (["kept"], "the promise was kept"),
        (["broken"], ""),
        ([], ""),
    ],
)
def test_what_is_said_of_the_promises_that_are_not_listed(verdicts: list[str], said: str) -> None:
    found = summary.left_out(profile(*map(scenario, verdicts)))
    assert found == (f"{said}; --verbose lists every promise" if said else "")


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((76, 76, 0), "76 of 76 promises kept"),
        ((76, 75, 0), "75 of 76 promises kept, none broken, 1 cannot be kept or judged"),
        ((76, 75, 1), "75 of 76 promises kept, 1 broken"),
        ((76, 70, 4), "70 of 76 promises kept, 4 broken, 2 cannot be kept or judged"),
        ((1, 1, 0), "1 of 1 promise kept"),
    ],
)
def test_verdicts_are_counted_in_the_same_words_everywhere(counts: tuple[int, int, int], said: str) -> None:
    assert summary.counted(*counts) == said


def test_repetitions_and_omissions_are_noted() -> None:
    found = profile({**scenario(), "runs": 2})
    found["omitted_settings"] = ["litellm_settings.cache"]
    repeated, left_out, settings = summary.notes(found)
    assert "'500' took too long" in repeated
    assert left_out == "cost & more: 'recovery' was left out: needs a minute"
    assert settings.endswith("litellm_settings.cache")


def test_a_deployed_gateway_is_named_and_what_was_not_seen_of_it() -> None:
    found = profile(scenario())
    found |= {"against": "http://gateway:4100", "omitted_scenarios": {}, "scale": 1.0}
    found["not_exercised"] = {"CLIProxyAPIPlus": "no accounts"}
    assert "the gateway at http://gateway:4100" in summary.heading(found)
    assert "LiteLLM's times are the full ones" in summary.heading(found)
    assert summary.notes(found) == ["cost & more: not exercised: CLIProxyAPIPlus (no accounts)"]


def test_a_result_of_an_earlier_flowgate_can_be_shown() -> None:
    found = profile(scenario())
    del found["against"], found["not_exercised"]
    assert "LiteLLM through the embedded upstream" in summary.heading(found)
    assert len(summary.notes(found)) == 1


def test_the_conclusion_names_the_first_broken_promise_and_counts_the_others() -> None:
    assert summary.conclusion(rehearsal(scenario("broken"))) == BROKEN
    assert summary.conclusion(rehearsal(scenario("broken"), scenario("broken"))) == f"{BROKEN}; 1 more broken"


def test_the_conclusion_counts_the_promises_if_none_is_broken() -> None:
    assert summary.conclusion(rehearsal(scenario(), scenario())) == "cost & more: 2 of 2 promises kept"
    one_cannot = rehearsal(scenario(), scenario("cannot"))
    assert (
        summary.conclusion(one_cannot) == "cost & more: 1 of 2 promises kept, none broken, 1 cannot be kept or judged"
    )


def test_a_rehearsal_without_scenarios_claims_nothing() -> None:
    assert summary.conclusion(rehearsal()) == "cost & more: no scenario ran"

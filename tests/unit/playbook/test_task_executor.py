from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain import Change, Result
from flowgate.errors import CheckFailed, InvalidValue, StepContractError, Unreachable
from flowgate.playbook.catalog import Catalog

if TYPE_CHECKING:
    from tests.unit.playbook.conftest import Stage


def last(stage: Stage, tasks: str, **options: Any) -> dict[str, Any]:
    """Run tasks that register `r`, and return the value of `r` in a task after them."""
    report = stage.run(f"tasks: [{tasks}, {{debug: {{msg: '{{{{ r }}}}'}}}}]", **options)
    found: Any = report.outcomes[-1].facts["msg"]
    assert isinstance(found, dict)
    return found


def test_a_step_looks_first_and_acts_second(stage: Stage) -> None:
    report = stage.run("tasks: [write: {text: a}, write: {content: true}]")
    assert ([outcome.status for outcome in report.outcomes], stage.acts) == (["changed", "unchanged"], ["a"])


def test_work_that_changes_nothing_counts_as_unchanged(stage: Stage) -> None:
    report = stage.run("tasks: [ask: ]")
    assert (report.outcomes[0].status, report.outcomes[0].facts) == ("unchanged", {"answer": 42})


def test_check_mode_changes_nothing_and_registers_predictions(stage: Stage) -> None:
    found = last(stage, "{write: {text: a}, register: r}", check=True)
    assert (found["changed"], found["count"], found["message"], stage.acts) == (True, 0, "write a", [])


def test_register_stores_the_facts_and_the_result(stage: Stage) -> None:
    wanted = {"changed": True, "failed": False, "skipped": False, "message": "write a", "seconds": 1.0}
    assert last(stage, "{write: {text: a}, register: r}") == wanted | {"written": "a", "count": 1}


def test_a_skipped_task_registers_too(stage: Stage) -> None:
    found = last(stage, "{write: , register: r, when: false}")
    assert (found["skipped"], found["changed"], stage.acts) == (True, False, [])


def test_parameters_are_rendered_and_converted_when_the_task_runs(stage: Stage) -> None:
    report = stage.run("{vars: {c: 'yes'}, tasks: [write: {text: '{{ 8080 }}', content: '{{ c }}'}]}")
    assert (report.outcomes[0].facts, report.outcomes[0].status) == ({"written": "8080"}, "unchanged")


def test_a_rendered_value_of_a_wrong_type_fails_the_task(stage: Stage) -> None:
    report = stage.run("{vars: {c: perhaps}, tasks: [write: {content: '{{ c }}'}]}")
    assert isinstance(report.error, InvalidValue)
    assert (report.error.place, report.code) == ("play.yml:1:47", 2)


@pytest.mark.parametrize("found", [3, Result("failed", ""), Change("x", lambda context: None)])  # type: ignore[arg-type, return-value]
def test_a_step_that_returns_another_type_breaks_its_contract(stage: Stage, found: object) -> None:
    stage.catalog = Catalog({"odd": lambda context: found})
    report = stage.run("tasks: [odd: ]")
    assert isinstance(report.error, StepContractError)
    assert report.code == 70


def test_a_loop_runs_once_for_each_item(stage: Stage) -> None:
    found = last(stage, "{write: {text: '{{ item }}'}, loop: [a, b], register: r}")
    assert ([result["item"] for result in found["results"]], stage.acts) == (["a", "b"], ["a", "b"])
    assert (found["changed"], found["message"]) == (True, "2 of 2 items changed")


def test_a_loop_over_a_mapping_has_keys_and_values(stage: Stage) -> None:
    stage.run("tasks: [{write: {text: '{{ item.key }}={{ item.value }}'}, loop: {a: 1, b: 2}}]")
    assert stage.acts == ["a=1", "b=2"]


def test_a_loop_over_an_expression_keeps_the_types_of_its_items(stage: Stage) -> None:
    found = last(stage, "{write: , loop: '{{ range(2) | list }}', register: r}")
    assert [result["item"] for result in found["results"]] == [0, 1]


def test_an_empty_loop_is_skipped(stage: Stage) -> None:
    assert stage.run("tasks: [{write: , loop: []}]").outcomes[0].status == "skipped"


def test_a_condition_is_evaluated_for_each_item(stage: Stage) -> None:
    report = stage.run("tasks: [{write: {text: '{{ item }}'}, loop: [1, 2, 3], when: item > 1}]")
    assert (stage.acts, report.outcomes[0].message) == (["2", "3"], "2 of 3 items changed")


def test_a_loop_continues_after_a_failed_item_and_fails_at_its_end(stage: Stage) -> None:
    tasks = "[{assert: {that: item != 1}, loop: [1, 2], register: r, ignore_errors: true}]"
    report = stage.run(f"tasks: {tasks}")
    results: Any = report.outcomes[0].facts["results"]
    assert [(result["failed"], result.get("code")) for result in results] == [(True, 1), (False, None)]


def test_a_loop_may_be_undefined_when_the_condition_is_false(stage: Stage) -> None:
    task = "{write: , loop: '{{ known.nothing }}', when: false}"
    report = stage.run(f"{{vars: {{known: {{}}}}, tasks: [{task}]}}")
    assert report.outcomes[0].status == "skipped"


def test_a_loop_over_another_type_is_rejected(stage: Stage) -> None:
    assert isinstance(stage.run("tasks: [{write: , loop: '{{ 3 }}'}]").error, InvalidValue)


def test_a_task_is_retried_until_the_condition_holds(stage: Stage) -> None:
    found = last(stage, "{refuse: {until: 3}, register: r, until: r.status == 200, delay: 2}")
    assert (found["attempts"], found["failed"], stage.naps) == (3, False, [2.0, 2.0])


def test_the_default_is_three_retries_with_a_delay_of_five_seconds(stage: Stage) -> None:
    report = stage.run("tasks: [{write: , register: r, until: r.count > 9}]")
    assert isinstance(report.error, CheckFailed)
    assert report.error.what == "gave up after 4 attempts: r.count > 9 does not hold"
    assert (stage.naps, len(stage.acts)) == ([5.0, 5.0, 5.0], 4)


def test_without_a_condition_a_task_is_retried_until_it_succeeds(stage: Stage) -> None:
    report = stage.run("tasks: [{refuse: {until: 2}, retries: '{{ 5 }}', delay: 0}]")
    assert (report.code, stage.naps) == (0, [0.0])


def test_the_error_of_the_last_attempt_is_reported(stage: Stage) -> None:
    report = stage.run("tasks: [{refuse: , retries: 1}]")
    assert isinstance(report.error, Unreachable)
    assert (len(stage.acts), report.code) == (2, 3)


def test_each_item_of_a_loop_has_its_own_attempts(stage: Stage) -> None:
    stage.run("tasks: [{write: {text: '{{ item }}'}, loop: [a, b], register: r, until: r.count != 1, delay: 0}]")
    assert stage.acts == ["a", "a", "b"]


def test_check_mode_does_not_retry(stage: Stage) -> None:
    report = stage.run("tasks: [{write: , register: r, until: r.count > 9}]", check=True)
    assert (report.code, stage.naps) == (0, [])


@pytest.mark.parametrize("word", ["retries", "delay"])
def test_retry_values_of_another_type_are_rejected(stage: Stage, word: str) -> None:
    report = stage.run(f"tasks: [{{refuse: , until: true, {word}: \"{{{{ 'x' }}}}\"}}]")
    assert isinstance(report.error, InvalidValue)


def test_work_that_finds_nothing_to_do_counts_as_unchanged(stage: Stage) -> None:
    nothing = Change("install", lambda acting: {"changed": False, "message": "installed already"}, {})
    stage.catalog = Catalog({"install": lambda context: nothing})
    outcome = stage.run("tasks: [install: ]").outcomes[0]
    assert (outcome.status, outcome.message) == ("unchanged", "installed already")

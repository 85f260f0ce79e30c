from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flowgate.errors import CheckFailed, UsageError

if TYPE_CHECKING:
    from tests.unit.playbook.conftest import Stage


def test_fail_stops_with_its_message_and_code_1(stage: Stage) -> None:
    report = stage.run("tasks: [fail: {msg: enough}, debug: ]")
    assert isinstance(report.error, CheckFailed)
    assert (report.error.what, report.code, len(report.outcomes)) == ("enough", 1, 1)


def test_debug_shows_any_value(stage: Stage) -> None:
    report = stage.run("tasks: [debug: {msg: [1, a]}, debug: ]")
    assert [outcome.message for outcome in report.outcomes] == ["[1, 'a']", "Hello world!"]


def test_debug_shows_an_expression_with_its_value(stage: Stage) -> None:
    report = stage.run("{vars: {a: {b: [1]}}, tasks: [{debug: {var: a.b}}]}")
    assert (report.outcomes[0].message, report.outcomes[0].facts) == ("a.b: [1]", {"a.b": [1]})


@pytest.mark.parametrize(
    "var, what", [("nope", "no variable is called 'nope'"), ("a +", "does not parse"), ("'{{ a }}'", "without braces")]
)
def test_debug_rejects_a_var_that_is_not_an_expression(stage: Stage, var: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        stage.check(f"{{vars: {{a: 1}}, tasks: [{{debug: {{var: {var}}}}}]}}")


def test_assert_shows_the_message_for_each_result(stage: Stage) -> None:
    task = "{assert: {that: item, fail_msg: bad, success_msg: good}, loop: [true, false], register: r}"
    report = stage.run(f"tasks: [{task}]")
    results: Any = report.outcomes[0].facts["results"]
    assert [one["message"] for one in results] == ["good", "bad"]


def test_assert_holds_for_a_list_of_conditions(stage: Stage) -> None:
    assert stage.run("tasks: [assert: {that: ['1 < 2', true]}]").code == 0


def test_assert_names_the_condition_that_does_not_hold(stage: Stage) -> None:
    report = stage.run("{vars: {a: 1}, tasks: [assert: {that: [a == 1, a == 2]}]}")
    assert (report.outcomes[0].message, report.code) == ("does not hold: a == 2 (a is 1)", 1)


def test_assert_shows_its_message_before_the_condition(stage: Stage) -> None:
    report = stage.run("tasks: [assert: {that: '1 > 2', msg: numbers are odd}]")
    assert (report.outcomes[0].message, getattr(report.error, "fix", "")) == ("numbers are odd", "does not hold: 1 > 2")


def test_set_fact_in_a_loop_leaves_the_last_value(stage: Stage) -> None:
    report = stage.run("tasks: [{set-fact: {a: '{{ item }}'}, loop: [1, 2]}, debug: {msg: '{{ a }}'}]")
    assert report.outcomes[1].facts == {"msg": 2}


def test_set_fact_sets_variables_for_later_tasks(stage: Stage) -> None:
    report = stage.run("tasks: [set_fact: {a: [1]}, debug: {msg: '{{ a }}'}]")
    assert report.outcomes[1].facts == {"msg": [1]}

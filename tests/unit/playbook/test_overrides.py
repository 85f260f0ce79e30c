"""`changed_when`, `failed_when`, `timeout` and `loop_control`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain import Result
from flowgate.errors import CheckFailed, UnknownName, Unreachable, UsageError
from flowgate.playbook.catalog import Catalog
from tests.unit.playbook.conftest import STEPS

if TYPE_CHECKING:
    from flowgate.domain import Report
    from tests.unit.playbook.conftest import Stage


def story(report: Report) -> str:
    return " ".join(outcome.status for outcome in report.outcomes)


def judge(context: object, rc: int = 0) -> Result:
    """Fail with facts if rc is not 0."""
    if rc:
        raise CheckFailed(f"rc {rc}", facts={"rc": rc, "changed": True})
    return Result("changed", "done", {"rc": rc})


@pytest.fixture
def judged(stage: Stage) -> Stage:
    stage.catalog = Catalog(STEPS | {"judge": judge})
    return stage


@pytest.mark.parametrize(
    "task, status",
    [
        ("write: , changed_when: false", "unchanged"),
        ("write: {content: true}, changed_when: true", "changed"),
        ("write: , register: r, changed_when: [r.count > 0, r.count < 0]", "unchanged"),
        ("judge: {rc: 2}, register: r, failed_when: 'r.rc not in [0, 2]'", "changed"),
        ("judge: {rc: 2}, register: r, changed_when: false, failed_when: false", "unchanged"),
        ("judge: {rc: 2}, register: r, failed_when: r.rc == 2", "failed"),
        ("judge: , failed_when: true", "failed"),
        ("write: , changed_when: false, when: false", "skipped"),
    ],
)
def test_conditions_override_the_result_of_a_step(judged: Stage, task: str, status: str) -> None:
    assert story(judged.run(f"tasks: [{{{task}}}]")) == status


def test_failed_when_names_the_condition(judged: Stage) -> None:
    report = judged.run("tasks: [{judge: , register: r, failed_when: [r.rc == 0, true]}]")
    assert isinstance(report.error, CheckFailed)
    assert (report.error.what, report.code) == ("failed_when holds: r.rc == 0 and True", 1)


def test_failed_when_shows_the_output(stage: Stage) -> None:
    stage.catalog = Catalog({"speak": lambda context: Result("changed", "spoke", {"stdout_lines": ["a", 1]})})
    report = stage.run("tasks: [{speak: , register: r, failed_when: 1 in r.stdout_lines}]")
    assert isinstance(report.error, CheckFailed)
    assert report.error.log == ("a", "1")


def test_a_step_that_failed_without_facts_stays_failed(judged: Stage) -> None:
    report = judged.run("tasks: [{refuse: , register: r, failed_when: r.rc == 1}]")
    assert isinstance(report.error, Unreachable)


def test_conditions_are_evaluated_for_each_item_and_attempt(judged: Stage) -> None:
    loop = "{judge: {rc: '{{ item }}'}, loop: [0, 1], register: r, failed_when: r.rc > 1, changed_when: r.rc == 1}"
    report = judged.run(
        f"tasks: [{loop}, {{debug: {{msg: '{{{{ r.results | map(attribute=\"changed\") | list }}}}'}}}}]"
    )
    assert report.outcomes[1].facts["msg"] == [False, True]


def test_a_rescue_sees_the_facts_of_the_failed_task(judged: Stage) -> None:
    rescue = "debug: {msg: '{{ failed.result.rc }} {{ failed.error }}'}"
    report = judged.run(f"tasks: [{{block: [judge: {{rc: 3}}], rescue: [{rescue}]}}]")
    assert report.outcomes[-1].message == "3 rc 3"


def slow(context: object) -> Result:
    """Take longer than any timeout."""
    time.sleep(30)
    return Result("unchanged", "slept")


def test_an_attempt_that_exceeds_its_timeout_is_interrupted(stage: Stage) -> None:
    stage.catalog = Catalog({"slow": slow})
    began = time.monotonic()
    report = stage.run("tasks: [{slow: , timeout: 0.05, ignore_errors: true}, {debug: , timeout: 60}]")
    assert (report.outcomes[0].message, story(report)) == ("not finished within 0.05 s", "ignored unchanged")
    assert time.monotonic() - began < 25


def test_a_timeout_of_zero_is_no_timeout(stage: Stage) -> None:
    assert stage.run("tasks: [{debug: , timeout: 0}]").code == 0


def results(stage: Stage, task: str) -> list[dict[str, Any]]:
    report = stage.run(f"tasks: [{{{task}, register: r, ignore_errors: true}}]")
    found: Any = report.outcomes[0].facts["results"]
    return list(found)


def test_a_loop_names_its_variable_and_its_items(stage: Stage) -> None:
    control = "{loop_var: one, index_var: i, label: '{{ one.n }}'}"
    found = results(
        stage, f"write: {{text: '{{{{ one.n }}}}{{{{ i }}}}'}}, loop: [{{n: a}}, {{n: b}}], loop_control: {control}"
    )
    assert stage.acts == ["a0", "b1"]
    assert [(one["one"], one["i"], one["label"]) for one in found] == [({"n": "a"}, 0, "a"), ({"n": "b"}, 1, "b")]


def test_a_failed_item_is_named_by_its_label(stage: Stage) -> None:
    task = "{refuse: , loop: [1], loop_control: {label: 'number {{ item }}'}}"
    assert stage.run(f"tasks: [{task}]").outcomes[0].message == "number 1: nobody answers"


def test_a_loop_pauses_between_items(stage: Stage) -> None:
    results(stage, "write: , loop: [1, 2, 3], loop_control: {pause: 2}")
    assert stage.naps == [2.0, 2.0]


def test_a_renamed_loop_variable_has_no_other_name(stage: Stage) -> None:
    with pytest.raises(UnknownName, match="'item'"):
        stage.check("tasks: [{debug: {msg: '{{ item }}'}, loop: [1], loop_control: {loop_var: x}}]")


@pytest.mark.parametrize("control", ["{lable: x}", "{loop_var: a-b}", "[a]", "{pause: soon}"])
def test_a_mistyped_loop_control_is_rejected(stage: Stage, control: str) -> None:
    with pytest.raises(UsageError):
        stage.check(f"tasks: [{{debug: , loop: [1], loop_control: {control}}}]")

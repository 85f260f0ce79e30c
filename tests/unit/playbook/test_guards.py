"""`when: x is defined` guards everything on the same task."""

from __future__ import annotations

import pytest

from flowgate.errors import UnknownName
from tests.unit.playbook.conftest import Stage

GUARDED = [
    "{write: , loop: '{{ extras }}'}",
    "{write: , loop: '{{ extras.a.b }}'}",
    "{write: {text: '{{ item }}'}, loop: '{{ extras | list }}', loop_control: {label: '{{ extras }}'}}",
    "{write: , loop: [1, 2], loop_control: {pause: '{{ extras }}'}}",
    "{write: , loop: [1, 2], parallel: '{{ extras }}'}",
    "{write: , retries: '{{ extras }}', delay: '{{ extras }}', until: extras}",
    "{write: , timeout: '{{ extras }}'}",
    "{write: , name: 'for {{ extras }}', vars: {a: '{{ extras }}'}}",
    "{write: , changed_when: extras, failed_when: extras}",
    "{block: [write: {text: '{{ extras }}'}], retries: '{{ extras }}'}",
    "{block: [write: {text: '{{ extras }}'}], parallel: '{{ extras }}'}",
    "{block: [{write: , loop: '{{ extras }}'}], rescue: [write: {text: '{{ extras }}'}]}",
]


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("when", ["extras is defined", "[extras is defined, extras | length > 0]"])
@pytest.mark.parametrize("task", GUARDED)
def test_a_guarded_task_is_skipped(stage: Stage, task: str, when: str, check: bool) -> None:
    report = stage.run(f"tasks: [{task[:-1]}, when: {when}}}]", check=check)
    assert ([one.status for one in report.outcomes], report.code, stage.acts) == (["skipped"], 0, [])


@pytest.mark.parametrize("task", GUARDED)
def test_without_the_guard_it_is_an_error_before_the_run(stage: Stage, task: str) -> None:
    with pytest.raises(Exception, match=r"extras|errors"):
        stage.check(f"tasks: [{task[:-1]}, when: true}}]")


def test_another_variable_is_no_guard(stage: Stage) -> None:
    with pytest.raises(UnknownName, match="extras"):
        stage.check("tasks: [{write: , loop: '{{ extras }}', when: item is defined}]")


@pytest.mark.parametrize(
    "task",
    [
        "{ask: , retries: '{{ \"x\" }}'}",
        "{ask: , delay: '{{ \"x\" }}', retries: 1}",
        "{block: [ask: ], retries: '{{ \"x\" }}'}",
        "{block: [ask: ], parallel: '{{ 0 }}'}",
        "{ask: , loop: [1], parallel: '{{ 0 }}'}",
        "{ask: , timeout: '{{ \"x\" }}'}",
        "{debug: , until: '\"x\"', retries: 1}",
        "{debug: , when: '\"x\"'}",
    ],
)
def test_check_mode_finds_what_a_run_finds(stage: Stage, task: str) -> None:
    assert [stage.run(f"tasks: [{task}]", check=check).code for check in (False, True)] == [2, 2]

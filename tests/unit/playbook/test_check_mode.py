"""Check mode changes nothing, uses predictions, and marks what it cannot predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain import Change, Report
from flowgate.playbook.catalog import Catalog
from tests.unit.playbook.conftest import STEPS, StepContext

if TYPE_CHECKING:
    from tests.unit.playbook.conftest import Stage


def opaque(context: StepContext, text: str = "x") -> Change:
    """Do work that cannot be predicted."""

    def act(acting: StepContext) -> dict[str, Any]:
        acting.acts.append(text)
        return {"out": text}

    return Change(f"do {text}", act, diff=(("/f", "old", text),), unpredicted="nobody can foretell it")


@pytest.fixture
def dim(stage: Stage) -> Stage:
    stage.catalog = Catalog(STEPS | {"opaque": opaque})
    return stage


def story(report: Report) -> list[tuple[str, str]]:
    return [(one.status, one.unpredicted) for one in report.outcomes]


NEEDS = ("skipped", "only a run provides 'out'")
DIM = ("changed", "nobody can foretell it")


def test_unpredicted_work_is_marked_only_in_check_mode(dim: Stage) -> None:
    assert story(dim.run("tasks: [opaque: ]", check=True)) == [DIM]
    assert (story(dim.run("tasks: [opaque: ]")), dim.acts) == ([("changed", "")], ["x"])


def test_work_that_changes_nothing_is_marked_as_not_run(dim: Stage) -> None:
    assert story(dim.run("tasks: [ask: ]", check=True)) == [("unchanged", "not run in check mode")]


@pytest.mark.parametrize(
    "task",
    [
        "debug: {msg: '{{ r.out }}'}",
        "debug: {msg: '{{ r[\"out\"] }}'}",
        "debug: , when: r.out == 1",
        "debug: , when: r.out is defined",
        "debug: , loop: '{{ r.out }}'",
        "debug: {msg: '{{ item }} {{ r.out }}'}, loop: [1, 2]",
        "debug: {msg: '{{ v }}'}, vars: {v: '{{ r.out }}'}",
        "debug: {msg: '{{ v.out }}'}, vars: {v: '{{ r }}'}",
        "assert: {that: r.out == 1}",
    ],
)
def test_a_task_that_needs_an_unknown_value_is_skipped_and_marked(dim: Stage, task: str) -> None:
    report = dim.run(f"tasks: [{{opaque: , register: r}}, {{{task}}}, debug: ]", check=True)
    assert (story(report), report.code) == ([DIM, NEEDS, ("unchanged", "")], 0)


@pytest.mark.parametrize("word", ["changed_when", "failed_when"])
def test_a_condition_on_an_unknown_value_keeps_the_predicted_status(dim: Stage, word: str) -> None:
    assert story(dim.run(f"tasks: [{{opaque: , register: r, {word}: r.out == 1}}]", check=True)) == [DIM]


def test_a_known_condition_applies_beside_an_unknown_one(dim: Stage) -> None:
    task = "{opaque: , register: r, changed_when: false, failed_when: r.out == 1}"
    assert story(dim.run(f"tasks: [{task}]", check=True)) == [("unchanged", DIM[1])]


def test_unpredicted_results_of_a_loop_are_unknown(dim: Stage) -> None:
    loop = "{opaque: {text: '{{ item }}'}, loop: [a, b], register: r}"
    use = "{debug: {msg: '{{ r.results | map(attribute=\"out\") | list }}'}}"
    assert story(dim.run(f"tasks: [{loop}, {use}]", check=True)) == [DIM, NEEDS]


def test_a_fact_made_from_an_unknown_value_is_unknown(dim: Stage) -> None:
    tasks = "{opaque: , register: r}, {set_fact: {a: '{{ r.out }}'}}, {debug: {msg: '{{ a }}'}}"
    report = dim.run(f"tasks: [{tasks}]", check=True)
    assert story(report) == [DIM, NEEDS, ("skipped", "only a run provides 'a'")]


def test_what_a_skipped_task_registers_is_unknown(dim: Stage) -> None:
    tasks = "{opaque: , register: r}, {debug: {msg: '{{ r.out }}'}, register: s}, {debug: {msg: '{{ s.msg }}'}}"
    assert story(dim.run(f"tasks: [{tasks}]", check=True))[2] == ("skipped", "only a run provides 'msg'")


def test_predicted_facts_are_used(dim: Stage) -> None:
    tasks = "{write: {text: a}, register: r}, {debug: {msg: '{{ r.written }} {{ r.changed }}'}}"
    report = dim.run(f"tasks: [{tasks}]", check=True)
    assert (report.outcomes[1].message, story(report)[1]) == ("a True", ("unchanged", ""))


def test_a_loop_is_marked_when_any_item_is_unpredicted(dim: Stage) -> None:
    report = dim.run("tasks: [{opaque: {text: '{{ item }}'}, loop: [a, b]}]", check=True)
    assert story(report) == [DIM]
    assert report.outcomes[0].diff == (("/f", "old", "a"), ("/f", "old", "b"))


def test_a_run_has_diffs_too(dim: Stage) -> None:
    assert dim.run("tasks: [opaque: ]").outcomes[0].diff == (("/f", "old", "x"),)

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain import Outcome, Report, Result
from flowgate.errors import InvalidValue, UnknownName, UsageError
from flowgate.playbook.catalog import Catalog
from flowgate.playbook.parse import parse
from tests.unit.playbook.conftest import STEPS, StepContext

if TYPE_CHECKING:
    from tests.unit.playbook.conftest import Stage

SECONDS = 10.0  # timeout of the step `meet`


def story(report: Report) -> str:
    return " ".join(f"{outcome.task}:{outcome.status}" for outcome in report.outcomes)


@pytest.fixture
def meeting(stage: Stage) -> Stage:
    """Create a stage with a step that ends only when another call of it runs at the same time."""
    barrier = threading.Barrier(2, timeout=SECONDS)

    def meet(context: StepContext, word: str = "met") -> Result:
        """Wait until another task calls this step too."""
        barrier.wait()
        return Result("unchanged", word, {"word": word})

    stage.catalog = Catalog({**STEPS, "meet": meet})
    return stage


def test_tasks_of_a_block_run_in_parallel_and_are_reported_as_written(meeting: Stage) -> None:
    tasks = "[{name: a, meet: }, {name: b, meet: }, {name: c, meet: }, {name: d, meet: }]"
    report = meeting.run(f"tasks: [{{block: {tasks}, parallel: 2}}]")
    assert (story(report), report.code) == ("a:unchanged b:unchanged c:unchanged d:unchanged", 0)


def test_items_of_a_loop_run_in_parallel_and_results_keep_the_order(meeting: Stage) -> None:
    text = """
    tasks:
      - {meet: {word: "{{ item }}"}, loop: [a, b, c, d], loop_control: {index_var: n}, parallel: 2, register: met }
      - assert: {that: ["met.results | map(attribute='word') | join == 'abcd'", "met.results[3].n == 3"]}
    """
    report = meeting.run(text)
    assert report.code == 0, report.error


def test_the_other_tasks_finish_before_a_failure_fails_the_block(meeting: Stage) -> None:
    text = """
    tasks:
      - block: [{name: a, doubt: }, {name: b, meet: }, {name: c, meet: }, {name: d, refuse: }]
        parallel: 3
        rescue: [{name: r, assert: {that: "failed.task == 'a'"}}]
        always: [{name: e, ask: }]
      - {name: f, ask: }
    """
    report = meeting.run(text)
    assert story(report) == "a:rescued b:unchanged c:unchanged d:rescued r:unchanged e:unchanged f:unchanged"
    assert report.code == 0


def test_the_other_items_finish_after_a_failed_item(meeting: Stage) -> None:
    text = """
    tasks:
      - {meet: {word: "{{ item.x }}"}, loop: [{x: 1}, {}, {x: 3}], parallel: 3, register: met, ignore_errors: true}
      - assert: {that: [met.results | selectattr('failed') | list | length == 1]}
    """
    report = meeting.run(text)
    assert [outcome.status for outcome in report.outcomes] == ["ignored", "unchanged"]


def test_an_inner_block_keeps_its_order(meeting: Stage) -> None:
    text = """
    tasks:
      - parallel: 2
        block:
          - block: [{name: a, meet: }, {name: b, doubt: }]
            rescue: [{name: c, ask: }]
          - block: [{name: d, meet: }, {name: e, ask: }]
    """
    assert story(meeting.run(text)) == "a:unchanged b:rescued c:unchanged d:unchanged e:unchanged"


def test_a_retried_block_runs_in_parallel_again(meeting: Stage) -> None:
    text = """
    tasks: [{block: [{name: a, meet: }, {name: b, meet: }, {name: c, refuse: {until: 2}}], parallel: 3, retries: 1}]
    """
    assert story(meeting.run(text)) == "a:unchanged b:unchanged c:rescued a:unchanged b:unchanged c:unchanged"


def test_events_of_parallel_tasks_do_not_overlap(meeting: Stage) -> None:
    inside, most = 0, 0
    lock = threading.Lock()

    def emit(event: Any) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        threading.Event().wait(0.005)
        with lock:
            inside -= 1
        told.append(event)

    told: list[Any] = []
    names = [f"{{name: t{number}, ask: }}" for number in range(12)]
    report = meeting.run(f"tasks: [{{block: [{', '.join(names)}], parallel: 12}}]", emit=emit)
    assert most == 1
    assert len([one for one in told if isinstance(one, Outcome)]) == len(report.outcomes) == 12


def test_handlers_notified_by_parallel_tasks_run_once(meeting: Stage) -> None:
    text = """
    tasks: [{block: [{write: {text: a}, notify: h}, {write: {text: b}, notify: h}], parallel: 2}]
    handlers: [{name: h, ask: }]
    """
    report = meeting.run(text)
    assert sorted(meeting.acts) == ["a", "b"]
    assert [outcome.task for outcome in report.outcomes].count("h") == 1


def test_ctrl_c_in_parallel_tasks_runs_always_and_ends_with_130(meeting: Stage) -> None:
    text = """
    tasks:
      - block: [{name: a, press: }, {name: b, ask: }]
        parallel: 2
        rescue: [{name: r, ask: }]
        always: [{name: c, ask: }]
      - {name: d, ask: }
    """
    report = meeting.run(text)
    assert (story(report), report.code) == ("a:failed b:unchanged c:unchanged", 130)


def test_a_bug_in_a_parallel_task_ends_the_run_with_70(meeting: Stage) -> None:
    report = meeting.run("tasks: [{block: [{name: a, stumble: }, {name: b, ask: }], parallel: 2}]")
    assert (story(report), report.code) == ("a:failed b:unchanged", 70)


def test_check_mode_runs_parallel_tasks_sequentially(meeting: Stage) -> None:
    report = meeting.run("tasks: [{block: [{name: a, write: }, {name: b, write: }], parallel: 2}]", check=True)
    assert (story(report), meeting.acts) == ("a:changed b:changed", [])


def test_a_task_filter_makes_parallel_tasks_sequential(meeting: Stage) -> None:
    asked: list[str] = []

    def allow(task: Any, name: str) -> bool:
        asked.append(name)
        return True

    names = [f"{{name: t{number}, ask: }}" for number in range(9)]
    meeting.run(f"tasks: [{{block: [{', '.join(names)}], parallel: 9}}]", allow=allow)
    assert asked == [f"t{number}" for number in range(9)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("tasks: [{ask: , parallel: 2}]", "f.yml:1:17"),
        ("tasks: [{ask: , loop: [1], parallel: 0}]", "f.yml:1:38"),
        ("tasks: [{block: [ask: ], parallel: 1.5}]", "f.yml:1:36"),
        ("tasks: [{block: [ask: ], parallel: true}]", "f.yml:1:36"),
    ],
)
def test_a_meaningless_parallel_is_rejected_with_its_location(text: str, place: str) -> None:
    with pytest.raises(UsageError, match="parallel") as refused:
        parse(text, "f.yml")
    assert refused.value.place == place


def test_an_invalid_value_of_an_expression_fails_the_task(meeting: Stage) -> None:
    report = meeting.run("{vars: {n: 0}, tasks: [{block: [ask: ], parallel: '{{ n }}'}]}")
    assert isinstance(report.error, InvalidValue)
    assert report.code == 2


def test_a_task_does_not_see_what_parallel_tasks_register(meeting: Stage) -> None:
    use = "write: {text: '{{ x.answer }}'}"
    text = f"tasks: [{{block: [{{ask: , register: x}}, {use}]%s}}, {use}]"
    meeting.check(text % "")
    with pytest.raises(UnknownName, match="no variable is called 'x'"):
        meeting.check(text % ", parallel: 2")

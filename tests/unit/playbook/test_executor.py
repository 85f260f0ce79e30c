from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowgate.domain import Report
from flowgate.errors import CheckFailed, Interrupted, Unreachable, UsageError
from flowgate.playbook.run_options import Started

if TYPE_CHECKING:
    from tests.unit.playbook.conftest import Stage


def story(report: Report) -> str:
    """Return the name and status of each task, in the order in which they ended."""
    return " ".join(f"{outcome.task}:{outcome.status}" for outcome in report.outcomes)


def test_tasks_run_in_order_and_stop_at_the_first_failure(stage: Stage) -> None:
    report = stage.run("tasks: [{name: a, write: }, {name: b, refuse: }, {name: c, write: }]")
    assert (story(report), report.code) == ("a:changed b:failed", 3)
    assert isinstance(report.error, Unreachable)


def test_an_event_is_emitted_at_the_start_and_end_of_each_task(stage: Stage) -> None:
    report = stage.run("{vars: {p: cost}, tasks: [{name: 'write {{ p }}', write: }]}")
    assert stage.events == [Started("write cost", "write", "play.yml:1:27"), report.outcomes[0]]


def test_a_task_without_a_name_is_named_after_its_step(stage: Stage) -> None:
    report = stage.run("tasks: [write: {text: a, content: true}, ask: ]")
    assert [outcome.task for outcome in report.outcomes] == ["write text=a content=True", "ask"]


def test_a_long_generated_name_is_shortened(stage: Stage) -> None:
    report = stage.run(f"tasks: [write: {{text: {'a' * 100}}}]")
    assert len(report.outcomes[0].task) == 60


def test_a_name_shows_a_variable_without_a_value_in_brackets(stage: Stage) -> None:
    report = stage.run("{vars: {a: 1}, tasks: [{name: 'for {{ item }} of {{ a }}', write: , loop: [1]}]}")
    assert report.outcomes[0].task == "for <item> of 1"


def test_durations_come_from_the_clock(stage: Stage) -> None:
    report = stage.run("tasks: [ask: ]")
    assert (report.outcomes[0].seconds, report.seconds) == (1.0, 3.0)


def test_a_play_continues_after_an_ignored_failure(stage: Stage) -> None:
    report = stage.run("tasks: [{name: a, doubt: , ignore_errors: true}, {name: b, ask: }]")
    assert (story(report), report.code, report.error) == ("a:ignored b:unchanged", 0, None)


def test_a_successful_rescue_makes_the_play_succeed(stage: Stage) -> None:
    report = stage.run("tasks: [{block: [{name: a, doubt: }, ask: ], rescue: [{name: b, ask: }]}, {name: c, ask: }]")
    assert (story(report), report.code, report.error) == ("a:rescued b:unchanged c:unchanged", 0, None)


def test_a_rescue_sees_the_failed_task(stage: Stage) -> None:
    rescue = (
        "{debug: {msg: '{{ failed.task }}|{{ failed.step }}|{{ failed.error }}|{{ failed.code }}|{{ failed.place }}'}}"
    )
    report = stage.run(f"tasks: [{{block: [{{name: a, refuse: }}], rescue: [{rescue}]}}]")
    assert report.outcomes[1].message == "a|refuse|nobody answers|3|play.yml:1:18"


def test_a_failing_rescue_ends_the_play_with_its_own_code(stage: Stage) -> None:
    report = stage.run("tasks: [{block: [{name: a, refuse: }], rescue: [{name: b, doubt: }]}]")
    assert (story(report), report.code) == ("a:failed b:failed", 1)


def test_an_outer_rescue_runs_after_a_failed_inner_rescue(stage: Stage) -> None:
    inner = "{block: [{name: a, refuse: }], rescue: [{name: b, doubt: }]}"
    report = stage.run(f"tasks: [{{block: [{inner}], rescue: [{{name: c, debug: {{msg: '{{{{ failed.task }}}}'}}}}]}}]")
    assert (story(report), report.code, report.outcomes[2].message) == ("a:rescued b:rescued c:unchanged", 0, "b")


@pytest.mark.parametrize("step, code", [("ask", 0), ("refuse", 3)])
def test_always_runs_in_any_case(stage: Stage, step: str, code: int) -> None:
    report = stage.run(f"tasks: [{{block: [{step}: ], always: [{{write: {{text: last}}}}]}}, ask: ]")
    assert (stage.acts[-1], report.code) == ("last", code)


def test_always_runs_after_a_failing_rescue(stage: Stage) -> None:
    stage.run("tasks: [{block: [doubt: ], rescue: [doubt: ], always: [write: {text: last}]}]")
    assert stage.acts == ["last"]


def test_a_failing_always_fails_the_play_even_after_a_rescue(stage: Stage) -> None:
    report = stage.run("tasks: [{block: [doubt: ], rescue: [ask: ], always: [refuse: ]}, ask: ]")
    assert (report.code, len(report.outcomes)) == (3, 3)


def test_the_first_failure_is_the_cause(stage: Stage) -> None:
    report = stage.run("tasks: [{block: [doubt: ], always: [refuse: ]}]")
    assert isinstance(report.error, CheckFailed)


def test_a_bug_in_a_step_is_code_70_and_runs_rescue_and_always(stage: Stage) -> None:
    report = stage.run("tasks: [{block: [stumble: ], rescue: [write: {text: r}], always: [write: {text: a}]}]")
    assert (stage.acts, report.code) == (["r", "a"], 70)
    assert isinstance(report.error, KeyError)


def test_ctrl_c_runs_always_but_no_rescue(stage: Stage) -> None:
    block = "{block: [{name: a, press: }], rescue: [write: {text: r}], always: [write: {text: last}]}"
    report = stage.run(f"tasks: [{{block: [{block}], always: [write: {{text: outer}}]}}, ask: ]")
    assert (stage.acts, report.code) == (["pressed", "last", "outer"], 130)
    assert isinstance(report.error, Interrupted)


def test_ctrl_c_is_never_ignored_or_retried(stage: Stage) -> None:
    report = stage.run("tasks: [{name: a, press: , ignore_errors: true, retries: 3, loop: [1, 2]}]")
    assert (story(report), stage.acts, report.code) == ("a:failed", ["pressed"], 130)


def test_a_second_ctrl_c_is_raised(stage: Stage) -> None:
    with pytest.raises(KeyboardInterrupt):
        stage.run("tasks: [{block: [press: ], always: [press: {word: again}]}]")
    assert stage.acts == ["pressed", "again"]


def test_ctrl_c_during_an_event_runs_always(stage: Stage) -> None:
    def emit(event: object) -> None:
        if len(stage.events) == 0:
            stage.events.append(Started("", "", ""))
            raise KeyboardInterrupt

    report = stage.run("tasks: [{block: [ask: ], always: [write: {text: last}]}]", emit=emit)
    assert (stage.acts, report.code) == (["last"], 130)


def test_a_block_passes_on_its_condition_variables_and_tags(stage: Stage) -> None:
    block = "{block: [{write: {text: '{{ a }}'}}], vars: {a: 1}, tags: [t], when: go}"
    report = stage.run(f"tasks: [{block}, ask: ]", variables={"go": True}, tags=["t"])
    assert (stage.acts, len(report.outcomes)) == (["1"], 1)
    assert story(stage.run(f"tasks: [{block}]", variables={"go": False})) == "write text=1:skipped"


def test_tasks_inherit_the_tags_of_the_play(stage: Stage) -> None:
    assert stage.run("{tags: never, tasks: [write: ]}").outcomes == ()


def test_extra_vars_override_all_and_defaults_override_nothing(stage: Stage) -> None:
    tasks = "[set_fact: {a: fact, b: fact}, {debug: {msg: '{{ a }} {{ b }} {{ c }} {{ d }}'}, vars: {a: task}}]"
    defaults = {"c": "default", "d": "default"}
    report = stage.run(f"{{vars: {{c: play}}, tasks: {tasks}}}", variables={"a": "typed"}, defaults=defaults)
    assert report.outcomes[1].message == "typed fact play default"


def test_an_undefined_variable_during_the_run_fails_the_task(stage: Stage) -> None:
    tasks = "[{debug: , register: r, tags: [never]}, {debug: {msg: '{{ r }}'}}]"
    report = stage.run(f"tasks: {tasks}")
    assert isinstance(report.error, UsageError)
    assert (report.error.place, report.code) == ("play.yml:1:62", 2)

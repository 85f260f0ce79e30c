from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowgate.errors import CheckFailed, UnknownName, UsageError

if TYPE_CHECKING:
    from tests.unit.playbook.conftest import Stage

HANDLERS = "[{name: one, write: {text: h1}}, {name: two, write: {text: h2}}]"


def acts(stage: Stage, tasks: str, **options: bool) -> list[str]:
    more = "".join(f", {name}: {str(value).lower()}" for name, value in options.items())
    stage.run(f"{{tasks: [{tasks}], handlers: {HANDLERS}{more}}}")
    return stage.acts


def test_handlers_run_once_in_the_order_they_are_written_after_all_tasks(stage: Stage) -> None:
    tasks = "{write: , notify: [two, one]}, {write: {text: y}, notify: two}, {write: {text: z}}"
    assert acts(stage, tasks) == ["x", "y", "z", "h1", "h2"]


@pytest.mark.parametrize(
    "task",
    [
        "{write: {content: true}, notify: one}",
        "{write: , when: false, notify: one}",
        "{write: {content: true}, changed_when: false, notify: one}",
        "{refuse: {until: 1}, ignore_errors: true, notify: one}",
    ],
)
def test_only_a_change_notifies(stage: Stage, task: str) -> None:
    assert [act for act in acts(stage, task) if act.startswith("h")] == []


def test_a_loop_notifies_when_any_item_changed(stage: Stage) -> None:
    task = "{write: {content: '{{ item }}'}, loop: [true, false], notify: one}"
    assert acts(stage, task) == ["x", "h1"]


def test_tasks_inherit_the_handlers_of_the_block(stage: Stage) -> None:
    assert acts(stage, "{block: [write: ], notify: one}") == ["x", "h1"]


def test_a_failed_play_runs_no_handlers(stage: Stage) -> None:
    assert acts(stage, "{write: , notify: one}, doubt: ") == ["x"]


def test_a_failed_play_runs_forced_handlers(stage: Stage) -> None:
    report = stage.run(
        f"{{tasks: [{{write: , notify: one}}, {{doubt: }}], handlers: {HANDLERS}, force_handlers: true}}"
    )
    assert (stage.acts, report.code, isinstance(report.error, CheckFailed)) == (["x", "h1"], 1, True)


def test_a_failed_handler_fails_the_play_and_ends_it(stage: Stage) -> None:
    handlers = "[{name: one, doubt: }, {name: two, write: }]"
    report = stage.run(f"{{tasks: [{{write: , notify: [one, two]}}], handlers: {handlers}}}")
    assert (report.code, stage.acts) == (1, ["x"])


def test_a_flush_runs_the_handlers_notified_so_far(stage: Stage) -> None:
    tasks = "{write: , notify: one}, {flush_handlers: , when: true}, {write: {text: y}, notify: one}"
    assert acts(stage, tasks) == ["x", "h1", "y", "h1"]


def test_a_flush_with_a_false_condition_runs_nothing(stage: Stage) -> None:
    assert acts(stage, "{write: , notify: one}, {flush_handlers: , when: false}, write: {text: y}") == ["x", "y", "h1"]


def test_a_handler_sees_the_variables_of_the_play(stage: Stage) -> None:
    block = "{block: [{write: , notify: h}, {flush_handlers: }], vars: {v: block}, ignore_errors: true}"
    stage.run(f"{{vars: {{v: play}}, tasks: [{block}], handlers: [{{name: h, write: {{text: '{{{{ v }}}}'}}}}]}}")
    assert stage.acts == ["x", "play"]


def test_a_flush_is_not_reported_as_a_task(stage: Stage) -> None:
    assert len(stage.run("tasks: [{flush_handlers: }, {ask: }]").outcomes) == 1


def test_a_handler_that_fails_in_a_flush_is_rescued(stage: Stage) -> None:
    block = "{block: [{write: , notify: h}, {flush_handlers: }], rescue: [write: {text: '{{ failed.task }}'}]}"
    report = stage.run(f"{{tasks: [{block}], handlers: [{{name: h, doubt: }}]}}")
    assert (stage.acts, report.code) == (["x", "h"], 0)


def test_a_handler_may_notify_an_earlier_or_later_handler(stage: Stage) -> None:
    handlers = "[{name: a, write: {text: a}}, {name: b, write: {text: b}, notify: [a, b]}]"
    stage.run(f"{{tasks: [{{write: , notify: b}}], handlers: {handlers}}}")
    assert stage.acts == ["x", "b", "a"]


def test_handlers_run_independently_of_tags(stage: Stage) -> None:
    stage.run("{tasks: [{write: , tags: t, notify: h}], handlers: [{name: h, write: {text: h}}]}", tags=["t"])
    assert stage.acts == ["x", "h"]


def test_check_mode_predicts_the_handlers(stage: Stage) -> None:
    report = stage.run(f"{{tasks: [{{write: , notify: one}}], handlers: {HANDLERS}}}", check=True)
    assert ([one.task for one in report.outcomes][1:], stage.acts) == (["one"], [])


def test_ctrl_c_stops_the_handlers(stage: Stage) -> None:
    play = "{tasks: [{write: , notify: [h, i]}], handlers: [{name: h, press: }, {name: i, write: }]}"
    assert (stage.run(play).code, stage.acts) == (130, ["x", "pressed"])


def test_the_name_of_a_handler_may_contain_an_expression(stage: Stage) -> None:
    play = "{vars: {a: b}, tasks: [{write: , notify: 'h {{ a }}'}], handlers: [{name: h b, write: {text: h}}]}"
    stage.run(play)
    assert stage.acts == ["x", "h"]


def test_an_expression_for_an_unknown_handler_fails_the_task(stage: Stage) -> None:
    report = stage.run("{vars: {a: b}, tasks: [{write: , notify: 'h {{ a }}'}], handlers: [{name: h, write: }]}")
    assert isinstance(report.error, UnknownName)
    assert (report.error.what, report.error.place) == ("no handler is called 'h b'", "play.yml:1:42")


def test_an_unknown_handler_is_rejected_before_the_run(stage: Stage) -> None:
    with pytest.raises(UnknownName) as caught:
        stage.check(f"{{tasks: [{{write: , notify: [one, tow]}}], handlers: {HANDLERS}}}")
    assert (caught.value.fix, caught.value.place) == ("did you mean 'two'?", "play.yml:1:34")


@pytest.mark.parametrize(
    "handlers, what",
    [
        ("[{write: }]", "this handler has no name"),
        ("[{name: a, block: [write: ]}]", "a handler is one task, not a block"),
        ("[{name: a, write: }, {name: a, ask: }]", "two handlers have the name 'a'"),
        ("[{name: a, wriet: }]", "no step is called 'wriet'"),
    ],
)
def test_a_broken_handler_is_rejected(stage: Stage, handlers: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        stage.check(f"{{tasks: [], handlers: {handlers}}}")
    assert caught.value.what == what

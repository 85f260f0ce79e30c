from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowgate.errors import CheckFailed, InvalidValue, Unreachable

if TYPE_CHECKING:
    from flowgate.domain import Report
    from tests.unit.playbook.conftest import Stage


def story(report: Report) -> str:
    return " ".join(outcome.status for outcome in report.outcomes)


def test_waits_grow_by_the_backoff_up_to_the_longest(stage: Stage) -> None:
    stage.run("tasks: [{refuse: {until: 6}, retries: 5, delay: 1, backoff: 2, max_delay: 5}]")
    assert stage.naps == [1, 2, 4, 5, 5]


def test_a_backoff_below_one_is_rejected(stage: Stage) -> None:
    with pytest.raises(InvalidValue, match="a number from 1"):
        stage.check("tasks: [{ask: , retries: 1, backoff: 0.5}]")


def test_a_block_is_retried_as_a_whole(stage: Stage) -> None:
    report = stage.run("tasks: [{block: [{write: {text: a}}, {refuse: {until: 4}}], retries: 2, delay: 3}]")
    assert (report.code, stage.acts, stage.naps) == (0, ["a", "refuse", "a", "refuse"], [3.0])
    assert story(report) == "changed rescued changed unchanged"


def test_a_block_without_attempts_left_fails_and_is_rescued(stage: Stage) -> None:
    block = "{block: [refuse: ], retries: 2, delay: 0, rescue: [write: {text: '{{ failed.step }}'}]}"
    report = stage.run(f"tasks: [{block}]")
    assert (report.code, stage.acts) == (0, ["refuse", "refuse", "refuse", "refuse"])
    assert story(report) == "rescued rescued rescued changed"


def test_a_block_is_retried_until_its_condition_holds(stage: Stage) -> None:
    block = "{block: [{write: , register: r}], until: r.count == 3, delay: 0, backoff: 2}"
    assert (stage.run(f"tasks: [{block}]").code, len(stage.acts)) == (0, 3)


def test_a_condition_of_a_block_that_never_holds_fails_it(stage: Stage) -> None:
    report = stage.run("tasks: [{block: [write: ], until: 1 > 2, retries: 1, delay: 0}]")
    assert isinstance(report.error, CheckFailed)
    assert (report.error.what, report.error.place) == ("gave up after 2 attempts: 1 > 2 does not hold", "play.yml:1:35")


def test_a_skipped_block_is_not_retried(stage: Stage) -> None:
    report = stage.run("tasks: [{block: [{write: , register: r}], when: false, until: r.count == 3}]")
    assert (report.code, stage.naps, story(report)) == (0, [], "skipped")


def test_ctrl_c_ends_the_retries_of_a_block(stage: Stage) -> None:
    assert (stage.run("tasks: [{block: [press: ], retries: 5}]").code, stage.acts) == (130, ["pressed"])


def test_always_runs_once_after_all_attempts(stage: Stage) -> None:
    report = stage.run("tasks: [{block: [refuse: ], retries: 1, delay: 0, always: [write: {text: last}]}]")
    assert isinstance(report.error, Unreachable)
    assert stage.acts == ["refuse", "refuse", "last"]


@pytest.mark.parametrize("word", ["retries", "delay", "backoff", "max_delay", "timeout"])
@pytest.mark.parametrize("value", ["-1", "10 ** 12", "'x'"])
def test_an_invalid_number_from_an_expression_fails_the_task(stage: Stage, word: str, value: str) -> None:
    report = stage.run(f'tasks: [{{refuse: , until: true, {word}: "{{{{ {value} }}}}"}}]')
    assert isinstance(report.error, InvalidValue)
    assert report.error.place.startswith("play.yml:1:")

"""Precedence of variables that are set in several places, as in Ansible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.playbook.conftest import Stage

# From the weakest; every place is tried against all that are weaker.
PLACES = ("default", "play", "outer", "inner", "task", "fact", "typed")


def message(stage: Stage, places: tuple[str, ...]) -> str:
    """Set `v` in several places, each to the name of the place, and return the value in the innermost block."""

    def sets(place: str) -> str:
        return f", vars: {{v: {place}}}" if place in places else ""

    task = f"{{debug: {{msg: '{{{{ v }}}}'}}{sets('task')}}}"
    fact = "{set_fact: {v: fact}}, " if "fact" in places else ""
    blocks = f"{{block: [{{block: [{fact}{task}]{sets('inner')}}}]{sets('outer')}}}"
    typed = {"v": "typed"} if "typed" in places else {}
    defaults = {"v": "default"} if "default" in places else {}
    report = stage.run(f"{{tasks: [{blocks}]{sets('play')}}}", variables=typed, defaults=defaults)
    return report.outcomes[-1].message


@pytest.mark.parametrize("strongest", range(len(PLACES)))
def test_a_source_overrides_all_sources_of_lower_precedence(stage: Stage, strongest: int) -> None:
    assert message(stage, PLACES[: strongest + 1]) == PLACES[strongest]


@pytest.mark.parametrize("weaker", range(len(PLACES) - 1))
def test_each_source_overrides_the_next_lower_one(stage: Stage, weaker: int) -> None:
    assert message(stage, PLACES[weaker : weaker + 2]) == PLACES[weaker + 1]


def test_registered_values_override_vars_but_not_extra_vars(stage: Stage) -> None:
    play = "{vars: {v: play}, tasks: [{ask: , register: v}, {debug: {msg: '{{ v.answer }}'}, vars: {v: task}}]}"
    assert stage.run(play).outcomes[1].message == "42"
    assert stage.run(play, variables={"v": {"answer": "typed"}}).outcomes[1].message == "typed"


def test_a_fact_set_in_a_block_outlives_it_and_vars_do_not(stage: Stage) -> None:
    block = "{block: [set_fact: {f: fact}], vars: {v: block}}"
    report = stage.run(f"{{vars: {{v: play}}, tasks: [{block}, debug: {{msg: '{{{{ f }}}} {{{{ v }}}}'}}]}}")
    assert report.outcomes[1].message == "fact play"


def test_the_loop_item_overrides_extra_vars(stage: Stage) -> None:
    report = stage.run("tasks: [{debug: {msg: '{{ item }}'}, loop: [a], register: r}]", variables={"item": "typed"})
    results: Any = report.outcomes[0].facts["results"]
    assert results[0]["msg"] == "a"


def test_extra_vars_are_used_in_vars(stage: Stage) -> None:
    report = stage.run("{vars: {a: 1, b: '{{ a }}+1'}, tasks: [debug: {msg: '{{ b }}'}]}", variables={"a": "typed"})
    assert report.outcomes[0].message == "typed+1"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain import Play
from flowgate.errors import UnknownName, UsageError
from flowgate.playbook.outline import Entry, filter_by_tags, find_start, outline, resume_at
from flowgate.playbook.parse import parse
from flowgate.playbook.playbook import run_plays
from flowgate.playbook.run_options import RunOptions
from flowgate.playbook.task_filter import TaskFilter

if TYPE_CHECKING:
    from tests.unit.playbook.conftest import Stage

BOOK = """
- name: One
  vars: { p: cost }
  tags: [one]
  tasks:
    - name: Write {{ p }}
      write:
    - tags: [inner]
      vars: { q: deep }
      block:
        - name: In {{ q }}
          ask:
      rescue:
        - block: [{ name: Saved, ask: }]
      always:
        - name: Anyway
          ask:
          tags: [last]
    - flush_handlers:
    - write: { text: x }
  handlers:
    - name: Handle
      ask:
- name: Two
  tasks:
    - name: Write cost
      ask:
"""


def entries(text: str = BOOK, **variables: Any) -> list[Entry]:
    return outline(parse(text, "play.yml"), variables)


def start(typed: str, tags: tuple[str, ...] = (), text: str = BOOK) -> int:
    return find_start(entries(text), typed, tags, ()).number


def test_tasks_are_listed_in_order_with_names_sections_and_depth() -> None:
    seen = [(one.number, one.name, one.section, len(one.around)) for one in entries()]
    assert seen == [
        (1, "Write cost", "", 0),
        (2, "In deep", "", 1),
        (3, "Saved", "rescue", 2),
        (4, "Anyway", "always", 1),
        (5, "write text=x", "", 0),
        (6, "Handle", "handler", 0),
        (7, "Write cost", "", 0),
    ]


def test_an_entry_has_the_tags_of_its_task_blocks_and_play() -> None:
    assert entries()[3].tags == {"one", "inner", "last"}


def test_tags_exclude_tasks_but_not_handlers() -> None:
    assert [one.number for one in filter_by_tags(entries(), ("last",), ())] == [4, 6]


def test_names_are_rendered_with_extra_vars() -> None:
    assert entries(p="balanced")[0].name == "Write balanced"


@pytest.mark.parametrize(
    "typed, number",
    [("Write cost", 1), ("Write {{ p }}", 1), ("play.yml:11", 2), ("In*", 2), ("#7", 7), ("write text=x", 5)],
)
def test_a_start_may_be_a_name_a_line_a_pattern_or_a_number(typed: str, number: int) -> None:
    assert start(typed) == number


def test_an_exact_name_has_precedence_over_a_pattern() -> None:
    text = "tasks: [{name: ab, ask: }, {name: 'a*', ask: }]"
    assert (start("a*", text=text), start("a?", text=text)) == (2, 1)


def test_an_unknown_start_is_rejected_with_a_suggestion() -> None:
    with pytest.raises(UnknownName) as caught:
        start("Anywy")
    assert caught.value.fix == "did you mean 'Anyway'?"


@pytest.mark.parametrize("typed, why", [("Saved", "only after a failure"), ("Handle", "only when it is notified")])
def test_a_run_cannot_start_in_a_rescue_or_a_handler(typed: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        start(typed)


def test_a_start_that_the_tags_exclude_is_rejected() -> None:
    with pytest.raises(UsageError, match="the selected tags exclude"):
        start("Write cost", ("last",), "tasks: [{name: Write cost, ask: }]")


# --- going on


def resume(stage: Stage, text: str) -> str | None:
    plays: tuple[Play, ...] = parse(text, "play.yml")
    report = run_plays(plays, stage.context, {}, catalog=stage.catalog)
    return resume_at(outline(plays), plays, report.outcomes)


def test_a_run_resumes_at_the_failed_task(stage: Stage) -> None:
    assert resume(stage, "tasks: [{name: a, ask: }, {name: b, doubt: }, {name: c, ask: }]") == "b"


def test_an_ambiguous_name_is_not_used_to_resume(stage: Stage) -> None:
    assert resume(stage, "tasks:\n- {name: a, ask: }\n- {name: a, doubt: }") == "play.yml:3"
    assert resume(stage, "tasks: [{name: a, ask: }, {name: a, doubt: }]") == "#2"


def test_a_run_resumes_at_the_task_that_registers_a_needed_value(stage: Stage) -> None:
    first = "{name: a, ask: , register: r}, {name: b, set_fact: {s: '{{ r.answer }}'}}"
    assert resume(stage, f"tasks: [{first}, {{name: c, doubt: }}, {{ask: , when: s == 42}}]") == "a"
    assert resume(stage, f"tasks: [{first}, {{name: c, doubt: }}, {{assert: {{that: r.answer == 42}}}}]") == "a"
    assert resume(stage, f"vars: {{v: '{{{{ r }}}}'}}\ntasks: [{first}, {{name: c, doubt: }}, {{ask: }}]") == "a"


def test_a_run_resumes_in_an_earlier_play_that_registers_a_needed_value(stage: Stage) -> None:
    plays = (
        "- tasks: [{name: a, ask: }, {name: b, ask: , register: r}]\n- tasks: [{name: c, doubt: }, {debug: {msg: @}}]"
    )
    assert resume(stage, plays.replace("@", "'{{ r }}'")) == "b"
    assert resume(stage, plays.replace("@", "r")) == "c"


def test_a_task_whose_value_is_not_needed_is_not_run_again(stage: Stage) -> None:
    text = "tasks: [{name: a, ask: , register: r}, {debug: {msg: '{{ r }}'}}, {name: c, doubt: }]"
    assert resume(stage, text) == "c"


def test_a_failed_rescue_resumes_in_the_block(stage: Stage) -> None:
    assert resume(stage, "tasks: [{block: [{name: a, doubt: }], rescue: [{name: b, doubt: }]}]") == "a"


def test_a_run_does_not_resume_at_a_rescued_or_ignored_failure(stage: Stage) -> None:
    block = "{block: [{name: a, doubt: }], rescue: [ask: ]}, {name: b, doubt: , ignore_errors: true}"
    assert resume(stage, f"tasks: [{block}, {{name: c, doubt: }}]") == "c"


def test_a_failed_handler_requires_the_whole_playbook(stage: Stage) -> None:
    text = "tasks: [{write: , notify: h}]\nhandlers: [{name: h, doubt: }]"
    assert resume(stage, text) is None


# --- the gate


def run_from(stage: Stage, text: str, typed: str) -> list[str]:
    plays = parse(text, "play.yml")
    task_filter = TaskFilter(find_start(outline(plays), typed, (), ()).task)
    from flowgate.playbook.executor import run

    report = run(plays[0], stage.context, {}, stage.catalog, RunOptions(allow=task_filter.allows))
    return [one.task for one in report.outcomes]


def test_a_run_may_start_inside_a_block_without_outcomes_of_earlier_tasks(stage: Stage) -> None:
    block = "{block: [{name: b, doubt: }, {name: c, ask: }], always: [{name: d, ask: }]}"
    text = f"tasks: [{{name: a, doubt: }}, {block}, {{name: e, ask: }}]"
    assert run_from(stage, text, "c") == ["c", "d", "e"]
    assert run_from(stage, text, "d") == ["d", "e"]


def test_a_number_selects_one_of_two_tasks_with_the_same_name(stage: Stage) -> None:
    assert run_from(stage, "tasks: [{name: a, doubt: }, {name: a, ask: }]", "#2") == ["a"]


@pytest.mark.parametrize(
    "answers, done",
    [(["y", "", "yes"], "ac"), (["n", "Y", "x"], "b"), (["c"], "abc"), (["", "continue"], "bc")],
)
def test_each_task_waits_for_an_answer_and_no_answer_skips_it(stage: Stage, answers: list[str], done: str) -> None:
    given, asked = iter(answers), list[str]()

    def ask(question: str) -> str:
        asked.append(question)
        return next(given)

    task_filter = TaskFilter(None, ask)
    report = stage.run("tasks: [{name: a, ask: }, {name: b, ask: }, {name: c, ask: }]", allow=task_filter.allows)
    assert "".join(one.task for one in report.outcomes) == done
    assert asked[0] == "Perform task: a (N)o/(y)es/(c)ontinue: "
    assert len(asked) == len(answers)


def test_closed_input_ends_the_run_and_always_runs_without_a_question(stage: Stage) -> None:
    task_filter = TaskFilter(None, lambda question: None)
    report = stage.run("tasks: [{block: [ask: ], always: [{name: last, ask: }]}]", allow=task_filter.allows)
    assert ([one.task for one in report.outcomes], report.code) == (["last"], 130)

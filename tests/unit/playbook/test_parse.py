from __future__ import annotations

import pytest

from flowgate.domain import Task
from flowgate.errors import FlowGateError, InvalidValue, MultipleErrors, UnknownName, UsageError
from flowgate.playbook.parse import parse


def task(text: str) -> Task:
    """Parse one task, written in flow style."""
    return parse(f"- tasks:\n    - {text}\n", "f.yml")[0].tasks[0]


def mistake(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse(text, "f.yml")
    return caught.value


def task_mistake(text: str) -> UsageError:
    return mistake(f"- tasks:\n    - {text}\n")


def test_a_playbook_is_a_list_of_plays() -> None:
    assert [play.name for play in parse("- {name: a, tasks: []}\n- {name: b, tasks: []}", "f.yml")] == ["a", "b"]


def test_a_single_play_needs_no_list() -> None:
    assert [play.name for play in parse("name: a\ntasks: []\n", "f.yml")] == ["a"]


def test_a_play_without_a_name_is_named_after_its_file() -> None:
    assert parse("tasks: []", "playbooks/up.yml")[0].name == "up"


def test_a_task_has_its_step_and_keywords() -> None:
    found = task("{name: n, debug: {msg: 1}, when: a, register: r, until: b, retries: 2, delay: 0.5, loop: [1]}")
    assert (found.name, found.step, found.params, found.when) == ("n", "debug", {"msg": 1}, ("a",))
    assert (found.register, found.until, found.retries, found.delay, found.loop) == ("r", ("b",), 2, 0.5, [1])


def test_a_step_without_parameters_has_none() -> None:
    assert task("debug:").params == {}


def test_a_command_has_short_forms() -> None:
    assert task("command: [ls, -l]").params == {"argv": ["ls", "-l"]}
    assert task("command: ls -l").params == {"cmd": "ls -l"}
    assert task("command: [ls, '{{ a }}']").at("command.argv.1") == "f.yml:2:21"


def test_set_is_short_for_set_fact() -> None:
    assert (task("set: {a: 1}").step, task("set: {a: 1}").at("set_fact.a")) == ("set_fact", "f.yml:2:16")


def test_tags_are_a_list_or_a_text_with_commas() -> None:
    assert task("{debug: , tags: 'a, b'}").tags == task("{debug: , tags: [a, b]}").tags == ("a", "b")


def test_a_condition_may_be_a_truth_value_or_a_list() -> None:
    assert (task("{debug: , when: false}").when, task("{debug: , when: [a, true]}").when) == ((False,), ("a", True))


def test_blocks_nest() -> None:
    found = task("{block: [{block: [debug: ], always: [fail: ]}], rescue: [fail: ], when: x}")
    assert (found.step, found.when, found.rescue[0].step) == ("", ("x",), "fail")
    assert (found.block[0].block[0].step, found.block[0].always[0].step) == ("debug", "fail")


def test_locations_are_file_line_and_column() -> None:
    found = task("{debug: {msg: [a, b]}, when: x}")
    assert found.place == "f.yml:2:7"
    assert found.at("debug.msg.1") == "f.yml:2:25"
    assert found.at("debug.nothing.there") == "f.yml:2:8"


@pytest.mark.parametrize(
    "text, what",
    [
        ("", "the playbook is empty"),
        ("[]", "the playbook contains no play"),
        ("a text", "a play must be a mapping (key: value)"),
        ("tasks: 3", "'tasks' must be a list"),
        ("name: x", "this play has no 'tasks'"),
        ("{tasks: [], vars: [a]}", "vars must be a mapping (key: value)"),
        ("{tasks: [], vars: {a-b: 1}}", "'a-b' is not a valid variable name"),
    ],
)
def test_a_malformed_play_is_rejected(text: str, what: str) -> None:
    assert mistake(text).what == what


@pytest.mark.parametrize(
    "text, what",
    [
        ("just text", "a task must be a mapping (key: value)"),
        ("{}", "this task has no step"),
        ("{name: x}", "this task has no step"),
        ("{write: , render: }", "a task has one step; this one has 'write' and 'render'"),
        ("debug: hello", "the parameters of 'debug' must be a mapping"),
        ("{rescue: [debug: ]}", "'rescue' needs a 'block' beside it"),
        ("{block: [debug: ], register: r}", "'register' is not allowed on a block"),
        ("{block: 3}", "'block' must be a list"),
    ],
)
def test_a_malformed_task_is_rejected(text: str, what: str) -> None:
    assert task_mistake(text).what == what


@pytest.mark.parametrize(
    "word, value",
    [
        ("retries", "many"),
        ("retries", "-1"),
        ("retries", "1.5"),
        ("delay", "soon"),
        ("delay", ".inf"),
        ("loop", "5"),
        ("loop", "~"),
        ("loop", "plain"),
        ("register", "a-b"),
        ("register", "[a]"),
        ("when", "{a: b}"),
        ("ignore_errors", "maybe"),
        ("tags", "{a: b}"),
        ("name", "[a]"),
    ],
)
def test_a_keyword_with_a_wrong_value_is_rejected(word: str, value: str) -> None:
    found = task_mistake(f"{{debug: , {word}: {value}}}")
    assert isinstance(found, InvalidValue)
    assert found.place.startswith("f.yml:2:")


def test_a_mistyped_keyword_beside_a_step_is_reported() -> None:
    found = task_mistake("{debug: , wehn: x}")
    assert isinstance(found, UnknownName)
    assert (found.fix, found.place) == ("did you mean 'when'?", "f.yml:2:17")


def test_a_mistyped_keyword_without_a_step_is_reported() -> None:
    assert task_mistake("{wehn: x}").fix == "did you mean 'when'?"


@pytest.mark.parametrize(
    "text, word, fix",
    [
        ("- tasks:\n    - {debug: , become: true}\n", "become", "every task runs on this machine"),
        ("- tasks:\n    - {debug: , with_items: [a]}\n", "with_items", "loop:"),
        ("- tasks:\n    - {block: [debug: ], delegate_to: a}\n", "delegate_to", "every task runs on this machine"),
        ("{hosts: all, tasks: []}", "hosts", "every task runs on this machine"),
        ("{gather_facts: false, tasks: []}", "gather_facts", "no facts are gathered"),
        ("{roles: [a], tasks: []}", "roles", "import_tasks"),
    ],
)
def test_unsupported_ansible_keywords_are_rejected_with_a_replacement(text: str, word: str, fix: str) -> None:
    found = mistake(text)
    assert found.what == f"the Ansible keyword '{word}' is not supported"
    assert fix in found.fix
    assert found.place.startswith("f.yml:")


def test_a_flush_may_be_written_as_in_ansible() -> None:
    assert (task("meta: flush_handlers").step, task("meta: noop").step) == ("flush_handlers", "meta")


def test_a_playbook_is_parsed_as_far_as_possible_when_errors_are_collected() -> None:
    faults: list[FlowGateError] = []
    (play,) = parse("tasks: [{debug: , retries: x}, {}, {debug: , wehn: x}, {write: }]", "f", faults)
    assert ([one.step for one in play.tasks], len(faults)) == (["debug", "", "debug", "write"], 3)


def test_all_errors_of_a_file_are_reported_together() -> None:
    found = mistake("- tasks:\n    - {debug: , retries: x}\n    - {}\n- nmae: x\n  tasks: []\n")
    assert isinstance(found, MultipleErrors)
    assert [fault.place for fault in found.errors] == ["f.yml:2:26", "f.yml:3:7", "f.yml:4:3"]

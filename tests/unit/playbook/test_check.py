from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowgate.domain import Result
from flowgate.errors import FlowGateError, InvalidValue, MultipleErrors, UnknownName, UsageError
from flowgate.playbook.catalog import Catalog
from flowgate.playbook.check import check
from flowgate.playbook.parse import parse

if TYPE_CHECKING:
    from tests.unit.playbook.conftest import Stage


def mistake(stage: Stage, tasks: str, *names: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        stage.check(f"- vars: {{ known: 1 }}\n  tasks:\n{tasks}", *names)
    return caught.value


def undefined(stage: Stage, tasks: str, *names: str) -> str:
    found = mistake(stage, tasks, *names)
    assert isinstance(found, UnknownName)
    assert found.kind == "variable"
    return f"{found.name} {found.place}"


def test_an_unknown_step_is_rejected_with_its_location(stage: Stage) -> None:
    found = mistake(stage, "    - name: x\n      wriet: {}\n")
    assert (found.what, found.fix, found.place) == (
        "no step is called 'wriet'",
        "did you mean 'write'?",
        "play.yml:4:7",
    )


def test_a_mistyped_keyword_without_a_step_suggests_the_keyword(stage: Stage) -> None:
    assert mistake(stage, "    - wehn: {}\n").fix == "did you mean 'when'?"


@pytest.mark.parametrize(
    "step, fix",
    [
        ("shell", "write: command: { shell: … }"),
        ("include_tasks", "import_tasks: file.yml"),
        ("ansible.builtin.debug", "write: debug"),
        ("ansible.builtin.copy", "write: command"),
        ("community.general.ufw", "`inv steps` lists all steps"),
        ("service", "start: { service"),
    ],
)
def test_an_ansible_module_is_rejected_with_its_replacement(stage: Stage, step: str, fix: str) -> None:
    found = mistake(stage, f"    - {step}: {{}}\n")
    assert found.what == f"the Ansible module '{step}' is not available"
    assert fix in found.fix


def test_an_ansible_variable_is_rejected_with_its_replacement(stage: Stage) -> None:
    found = mistake(stage, "    - {block: [debug: ], rescue: [debug: {msg: '{{ ansible_failed_task.name }}'}]}\n")
    assert (found.what, found.fix) == ("no variable is called 'ansible_failed_task'", "write: failed.task")


def test_a_tag_without_tasks_is_rejected(stage: Stage) -> None:
    plays = parse("{tags: a, tasks: [{block: [{debug: , tags: deploy}]}]}", "play.yml")
    check(plays, stage.catalog, (), tags=["a", "deploy", "always", "untagged"])
    with pytest.raises(UnknownName) as caught:
        check(plays, stage.catalog, (), tags=["deplyo"])
    assert (caught.value.what, caught.value.fix) == ("no tag is called 'deplyo'", "did you mean 'deploy'?")


def test_errors_of_parser_and_check_are_reported_together_in_order(stage: Stage) -> None:
    faults: list[FlowGateError] = []
    plays = parse("tasks:\n- wriet: \n- {debug: , retries: x}\n- debug: {msg: '{{ nope }}'}\n", "f.yml", faults)
    with pytest.raises(MultipleErrors) as caught:
        check(plays, stage.catalog, (), errors=faults)
    assert [fault.place for fault in caught.value.errors] == ["f.yml:2:3", "f.yml:3:22", "f.yml:4:16"]


def test_parameters_are_checked_before_anything_runs(stage: Stage) -> None:
    found = mistake(stage, "    - write: { txt: a }\n    - write: { content: perhaps }\n    - assert: {}\n")
    assert isinstance(found, MultipleErrors)
    assert [(type(fault), fault.place) for fault in found.errors] == [
        (UnknownName, "play.yml:3:16"),
        (InvalidValue, "play.yml:4:25"),
        (UsageError, "play.yml:5:7"),
    ]


def test_a_broken_expression_is_rejected_with_its_location(stage: Stage) -> None:
    found = mistake(stage, "    - debug: { msg: [a, '{{ known + }}'] }\n")
    assert found.place == "play.yml:3:25"


@pytest.mark.parametrize(
    "task, wanted",
    [
        ("debug: { msg: '{{ nope }}' }", "nope play.yml:3:21"),
        ("{debug: , when: nope}", "nope play.yml:3:23"),
        ("{debug: , when: [known, nope]}", "nope play.yml:3:31"),
        ("{debug: , loop: '{{ nope }}'}", "nope play.yml:3:23"),
        ("{debug: , retries: '{{ nope }}'}", "nope play.yml:3:26"),
        ("{debug: , until: nope}", "nope play.yml:3:24"),
        ("{debug: , name: '{{ nope }}'}", "nope play.yml:3:23"),
        ("assert: { that: [known, nope] }", "nope play.yml:3:31"),
        ("{debug: {msg: '{{ a }}'}, vars: {a: '{{ nope }}'}}", "nope play.yml:3:43"),
        ("debug: { msg: '{{ item }}' }", "item play.yml:3:21"),
        ("{block: [debug: {msg: '{{ failed }}'}], rescue: [debug: ]}", "failed play.yml:3:29"),
        ("{debug: {msg: '{{ r }}'}, register: r}", "r play.yml:3:21"),
    ],
)
def test_an_undefined_variable_is_rejected_where_it_is_used(stage: Stage, task: str, wanted: str) -> None:
    assert undefined(stage, f"    - {task}\n") == wanted


@pytest.mark.parametrize(
    "tasks",
    [
        "{debug: {msg: '{{ item }}'}, loop: [1]}",
        "{block: [fail: ], rescue: [debug: {msg: '{{ failed.task }}'}]}",
        "{block: [{debug: , register: r}], always: [debug: {msg: '{{ r }}'}]}",
        "{debug: , register: r, until: r is succeeded}",
        "{debug: {msg: '{{ nope }}'}, when: nope is defined}",
        "{block: [debug: {msg: '{{ nope }}'}], when: nope is defined}",
        "{debug: {msg: '{{ nope | default(1) }}'}}",
        "{debug: {msg: '{{ typed + a }}'}, vars: {a: '{{ known }}'}}",
        "{debug: , vars: {unused: '{{ nope }}'}}",
    ],
)
def test_variables_that_will_be_defined_are_accepted(stage: Stage, tasks: str) -> None:
    stage.check(f"- vars: {{ known: 1 }}\n  tasks:\n    - {tasks}\n", "typed")


def test_later_tasks_may_use_what_a_task_registers(stage: Stage) -> None:
    use = "    - debug: { msg: '{{ r.msg }} {{ fact }}' }\n"
    give = "    - {debug: , register: r}\n    - set_fact: { fact: 1 }\n"
    stage.check(f"- tasks:\n{give}{use}")
    assert isinstance(mistake(stage, use + give), MultipleErrors)


def test_a_play_variable_may_use_a_name_registered_before_its_use(stage: Stage) -> None:
    tasks = "[{debug: , register: r}, {debug: {msg: '{{ late }}'}}]"
    stage.check(f"vars: {{ late: '{{{{ r.msg }}}}' }}\ntasks: {tasks}")


def test_a_variable_that_refers_to_itself_is_rejected(stage: Stage) -> None:
    found = mistake(stage, "    - {debug: {msg: '{{ a }}'}, vars: {a: '{{ b }}', b: '{{ a }}'}}\n")
    assert found.what == "the variable 'a' refers to itself"


def test_set_fact_accepts_only_valid_variable_names(stage: Stage) -> None:
    assert isinstance(mistake(stage, "    - set_fact: { a-b: 1 }\n"), InvalidValue)


def test_the_same_error_is_reported_once(stage: Stage) -> None:
    use = "    - {debug: {msg: '{{ a }}'}, name: '{{ a }}', vars: {a: '{{ nope }}'}}\n"
    assert isinstance(mistake(stage, use), UnknownName)


VALID = """\
- name: Switch to {{ profile }}
  vars: { profile: balanced, list: [1, 2] }
  tasks:
    - name: Write {{ profile }}
      write: { text: "{{ profile }}", size: 3 }
      register: written
      when: profile is defined and list | length > 1
    - block:
        - debug: { msg: "{{ item.key }}" }
          loop: { a: 1 }
        - assert: { that: [written.changed, "profile == 'balanced'"] }
          retries: 2
          until: written is succeeded
      rescue:
        - fail: { msg: "{{ failed.task }}: {{ failed.error }}" }
      always: [ { debug: , tags: [always] } ]
"""


def write(context: object, text: str, size: int = 1) -> Result:
    """Write."""
    return Result("unchanged", text)


def test_the_text_before_mutation_is_valid() -> None:
    check(parse(VALID, "f.yml"), Catalog({"write": write}), ())


SCRAPS = [*"{}[]:-&*!|>'\"%@`#?,\t\n\0é\ud800", "{{", "}}", "{%", "%}", "<<: ", "&a ", "*a ", "!!int ", "  ", "- ", "~"]
EDIT = st.tuples(st.integers(0, len(VALID)), st.integers(0, 12), st.sampled_from(SCRAPS) | st.text(max_size=4))


@settings(max_examples=200, deadline=None)
@given(st.lists(EDIT, min_size=1, max_size=5))
def test_a_damaged_playbook_is_rejected_with_a_location_or_runs(edits: list[tuple[int, int, str]]) -> None:
    text = VALID
    for start, length, scrap in edits:
        text = text[:start] + scrap + text[start + length :]
    try:
        check(parse(text, "f.yml"), Catalog({"write": write}), ())
    except FlowGateError as error:
        told = error.errors if isinstance(error, MultipleErrors) else (error,)
        assert all(fault.code == 2 and fault.place.startswith("f.yml:") for fault in told)

"""Expressions end in time, and their values have a bounded size."""

from __future__ import annotations

import pytest

from flowgate.domain import Report
from flowgate.errors import UsageError
from flowgate.playbook.expressions import render
from tests.unit.playbook.conftest import Stage

SLOW = "('a' * 40 ~ 'b') is match('^(a+)+$')"  # takes hours


@pytest.mark.parametrize("around", ["{{ %s }}", "text {{ %s }}"])
@pytest.mark.parametrize(
    "expression",
    [
        *("10**5000", "-10**5000", "10**3000 * 10**3000", "'x' * 10**9", "10**9 * 'x'", "[0] * 10**9"),
        *("'%1000000000d' % 1", "'%*d' % (10**9, 1)", "'{:>1000000000}'.format(1)", "'x'.ljust(10**9)"),
        *("'x' | center(10**9)", "'x' | indent(10**9, true)", "'\\t'.expandtabs(10**9)", "'%9999999999d' | format(1)"),
        *("('x' * 9000000) ~ ('x' * 9000000)", "'x'.join(['y' * 5000000] * 5)", "(1).to_bytes(10**9, 'big')"),
        *("('x' * 5000000).replace('x', 'y' * 50)", "('x' * 5000000) | replace('x', 'y' * 50)"),
        *("[1] | batch(10**9, 0) | list", "{} | to_json(indent=10**9)", "range(10**9) | list", "1.0e400", "range"),
    ],
)
def test_a_value_that_is_too_large_is_an_error_of_the_playbook(around: str, expression: str) -> None:
    with pytest.raises(UsageError, match=r"too large|too big|Range too big|is a function"):
        render(around % expression, {})


def test_values_that_grow_in_a_loop_end_at_the_memory_limit() -> None:
    grow = "{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"
    with pytest.raises(UsageError, match=r"too much memory|too large"):
        render("{% set ns = namespace(x='0123456789') %}" + grow + "{{ ns.x }}", {})


@pytest.mark.parametrize("expression", ["10**300", "'x' * 1000", "'%5d' % 1", "'x' | center(20)", "[0] * 100"])
def test_values_of_a_usual_size_are_accepted(expression: str) -> None:
    assert render("{{ " + expression + " }}", {})


@pytest.mark.parametrize(
    "task",
    [
        "debug: { msg: '{{ %s }}' }",
        "debug: {}, when: %s",
        "debug: {}, changed_when: %s",
        "debug: {}, failed_when: %s",
        "debug: {}, until: %s",
        "assert: { that: %s }",
        "debug: {}, loop: '{{ [%s] }}'",
        "debug: {}, loop: [1], loop_control: { label: '{{ %s }}' }",
        "debug: { msg: '{{ a }}' }, vars: { a: '{{ %s }}' }",
        "debug: { msg: '{%% for i in range(99999) %%}{%% for j in range(99999) %%}{%% endfor %%}{%% endfor %%}' }",
    ],
)
def test_the_time_limit_of_a_task_bounds_its_expressions(stage: Stage, task: str) -> None:
    shown = task.replace("%s", SLOW.replace("'", "''") if "'{" in task else f'"{SLOW}"').replace("%%", "%")
    report: Report = stage.run(f"tasks: [{{name: slow, timeout: 0.2, {shown}}}]")
    assert (report.outcomes[0].message.rpartition(": ")[2], report.code) == ("not finished within 0.2 s", 3)


def test_a_generator_in_a_text_is_written_as_a_list() -> None:
    assert render("x {{ [1, 2] | map('string') }}", {}) == "x ['1', '2']"

from __future__ import annotations

import subprocess
import sys

import pytest

from flowgate.domain import Variables
from flowgate.errors import UnknownName, UsageError
from flowgate.playbook.expression_parser import find_templates, parse_expression
from flowgate.playbook.expressions import is_true, render

VARIABLES: Variables = {
    "n": 3,
    "list": [1, 2],
    "version": "1.10",
    "braces": "{{ n }}",
    "r": {"failed": True, "items": 7},
}


def error(text: object, *, bare: bool = False) -> UsageError:
    evaluate = is_true if bare else render
    with pytest.raises(UsageError) as caught:
        evaluate(text, VARIABLES, lambda path: f"f.yml:{path}")
    return caught.value


@pytest.mark.parametrize(
    "text, value",
    [
        ("{{ 3 }}", 3),
        ("{{ list }}", [1, 2]),
        ("{{ version }}", "1.10"),
        ("{{ n }}{{ n }}", "33"),
        ("n is {{ n }}", "n is 3"),
        ("{{ range(2) }}", [0, 1]),
        ("{{ list | map('string') }}", ["1", "2"]),
        ("{% for x in list %}{{ x }}{% endfor %}", "12"),
        ("{{ nothing | default('d') }}", "d"),
        ("{{ 'x' if false }}", ""),
        ("no expression { n }", "no expression { n }"),
    ],
)
def test_a_single_expression_keeps_its_type_and_other_texts_stay_text(text: str, value: object) -> None:
    assert render(text, VARIABLES) == value


def test_nested_lists_and_mappings_are_rendered() -> None:
    assert render({"a": ["{{ n }}", {"b": "{{ n }}!"}], "c": 1}, VARIABLES) == {"a": [3, {"b": "3!"}], "c": 1}


def test_the_value_of_a_variable_is_not_rendered_again() -> None:
    assert render("{{ braces }}", VARIABLES) == "{{ n }}"


def test_a_registered_key_has_precedence_over_a_method() -> None:
    assert render("{{ r.items }}", VARIABLES) == 7


def test_an_undefined_variable_is_rejected_with_a_suggestion() -> None:
    found = error("{{ lst }}")
    assert isinstance(found, UnknownName)
    assert found.fix == "did you mean 'list'?"


@pytest.mark.parametrize(
    "text",
    [
        "{{ n.nothing }}",
        "{{ [r.nothing] }}",
        "{{ 1 / 0 }}",
        "{{ 1 + 'a' }}",
        "{{ list[9] }}",
        "{{ n() }}",
        "{{ n.__class__ }}",
        "{{ list.append(3) }}",
        "{% include 'x' %}",
        "{{ (1 }}",
        "{% if %}",
        "{{ n | no_such_filter }}",
        "{{ n is no_such_test }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "9" * 5000 + " }}",
    ],
)
def test_a_failing_expression_is_a_usage_error(text: str) -> None:
    assert error(text).code == 2


def test_an_error_in_a_nested_value_has_its_own_location() -> None:
    assert error({"a": ["{{ n }}", "{{ n + }}"]}).place == "f.yml:a.1"


def test_compiling_does_not_compute_constants() -> None:
    assert parse_expression("x {{ 9 ** 9 ** 9 ** 9 }}").names == frozenset()


@pytest.mark.parametrize(
    "condition, holds",
    [
        ("n == 3", True),
        (False, False),
        (["n == 3", "n == 4"], False),
        ([], True),
        ("nothing is defined and nothing.x", False),
        ("not 'false'", False),
        ("'false' | bool", False),
        ("('false' and 1) == 1", True),
        ("('a' if 'false' else 'b') == 'a'", True),
        ("['false', ''] | select('truthy') | list == ['false']", True),
        ("[0, 'no'] | reject('falsy') | list == ['no']", True),
        ("r is failed", True),
        ("r is succeeded", False),
        ("{'a': {'b': 1}}.a.b == 1", True),
    ],
)
def test_conditions_are_evaluated(condition: object, holds: bool) -> None:
    assert is_true(condition, VARIABLES) is holds


@pytest.mark.parametrize(
    "condition",
    ["n", "'false'", "'no'", "''", "0", "[]", "{}", "none", "n and 2", "'a' or true", "[1]", "1.5", ["true", "'x'"]],
)
def test_a_condition_that_is_neither_true_nor_false_is_rejected(condition: object) -> None:
    with pytest.raises(UsageError, match="neither true nor false") as rejected:
        is_true(condition, VARIABLES)
    assert rejected.value.fix.startswith("write")


@pytest.mark.parametrize("value", ["maybe", "2", "'  yes'", "[]", "1.5", "{}"])
def test_the_filter_bool_rejects_what_says_neither(value: str) -> None:
    with pytest.raises(UsageError, match="neither true nor false"):
        is_true(f"{value} | bool", {"maybe": "maybe"})


def test_a_condition_in_braces_is_rejected_with_the_correct_form() -> None:
    found = error("{{ n == 3 }}", bare=True)
    assert (found.fix, found.place) == ("write: n == 3", "f.yml:")


@pytest.mark.parametrize(
    "text, names, guarded",
    [
        ("{{ a.b + c }}", {"a", "c"}, set()),
        ("{{ d | default(e) }}", {"d", "e"}, {"d"}),
        ("{{ f if f is defined else range(2) }}", {"f"}, {"f"}),
    ],
)
def test_names_of_an_expression_may_be_guarded(text: str, names: set[str], guarded: set[str]) -> None:
    found = parse_expression(text)
    assert (set(found.names), set(found.guarded)) == (names, guarded)


def test_names_bound_by_statements_are_not_needed() -> None:
    assert parse_expression("{% set a = b %}{{ a }}{% for c in d %}{{ c }}{% endfor %}").names == {"b", "d"}


def test_templates_are_found_with_their_paths() -> None:
    assert list(find_templates({"a": ["x", "{{ y }}"]})) == [("a.1", "{{ y }}")]


def test_plain_texts_do_not_load_jinja2() -> None:
    program = (
        "import sys; from flowgate.playbook import executor, check, expressions as e; e.render({'a': ['b']}, {}); "
    )
    done = subprocess.run([sys.executable, "-c", program + "sys.exit('jinja2' in sys.modules)"], check=False)
    assert done.returncode == 0

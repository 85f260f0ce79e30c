from __future__ import annotations

import pytest

from flowgate.domain import Variables
from flowgate.errors import UsageError
from flowgate.playbook.expressions import render
from flowgate.playbook.filters import FILTERS, TESTS
from tests.unit.playbook.test_documentation import TEXT

VALUES: Variables = {"d": {"a": 1, "n": {"x": 1}}, "l": [1, [2, [3]], None], "t": "release-1.2", "none": None}


@pytest.mark.parametrize(
    "expression, value",
    [
        ("true | ternary('a', 'b')", "a"),
        ("none | ternary('a', 'b')", "b"),
        ("none | ternary('a', 'b', 'c')", "c"),
        ("d | combine({'a': 2, 'n': {'y': 2}})", {"a": 2, "n": {"y": 2}}),
        ("d | combine({'n': {'y': 2}}, {'b': 3}, recursive=true)", {"a": 1, "n": {"x": 1, "y": 2}, "b": 3}),
        ("{'a': 1} | dict2items", [{"key": "a", "value": 1}]),
        ("{'a': 1} | dict2items(key_name='k', value_name='v')", [{"k": "a", "v": 1}]),
        ("[{'key': 'a', 'value': 1}] | items2dict", {"a": 1}),
        ("l | flatten", [1, 2, 3]),
        ("l | flatten(levels=1)", [1, 2, [3]]),
        ("t | regex_replace('[0-9]+', 'N')", "release-N.N"),
        ("t | regex_replace('^(\\\\w+)-(.*)$', '\\\\2-\\\\1')", "1.2-release"),
        ("t | regex_search('RE', ignorecase=true)", "re"),
        ("t | regex_search('x')", None),
        ("'/a/b.c' | basename", "b.c"),
        ("'/a/b.c' | dirname", "/a"),
        ("'b.c' | dirname", ""),
        ("'a,b' | split(',')", ["a", "b"]),
        ("[1, 2] | union([2, 3])", [1, 2, 3]),
        ("[1, 2, 2] | intersect([2])", [2]),
        ("[1, 2] | difference([2])", [1]),
        ("t is match('rel')", True),
        ("t is match('1')", False),
        ("t is search('1')", True),
        ("t is regex('[0-9]')", True),
    ],
)
def test_filters_have_the_same_meaning_as_in_ansible(expression: str, value: object) -> None:
    assert render(f"{{{{ {expression} }}}}", VALUES) == value


@pytest.mark.parametrize(
    "expression", ["t | regex_search('(')", "d | regex_search('(')", "none | dict2items", "1 | flatten"]
)
def test_a_failing_filter_has_an_error_message(expression: str) -> None:
    with pytest.raises(UsageError, match="the expression fails"):
        render(f"{{{{ {expression} }}}}", VALUES)


def test_a_very_long_text_is_not_searched() -> None:
    with pytest.raises(UsageError, match="not searched"):
        render("{{ t | regex_search('x') }}", {"t": "a" * 200_000})


@pytest.mark.parametrize("name", [*FILTERS, *TESTS])
def test_every_filter_and_test_is_documented(name: str) -> None:
    assert name in TEXT

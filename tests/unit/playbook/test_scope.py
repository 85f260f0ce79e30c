from __future__ import annotations

import pytest

from flowgate.domain import Value
from flowgate.errors import UsageError
from flowgate.playbook.locate import no_location
from flowgate.playbook.scope import Scope


def scope(**written: Value) -> Scope:
    return Scope(((written, no_location),), {}, {}, {})


def test_inner_layers_override_outer_ones_and_extra_vars_override_all() -> None:
    facts: dict[str, Value] = {}
    found = Scope((({"a": "default"}, no_location), ({"a": "play"}, no_location)), facts, {}, {})
    assert found["a"] == "play"
    inner = found.with_layer({"a": "task"})
    assert inner["a"] == "task"
    facts["a"] = "fact"
    assert inner["a"] == "fact"
    assert Scope(inner.layers, facts, {"a": "typed"}, {})["a"] == "typed"


def test_variables_are_rendered_when_they_are_looked_up() -> None:
    assert scope(a="{{ b }}!", b="{{ c }}", c=[1])["a"] == "[1]!"
    assert scope(a="{{ b }}", b=[1])["a"] == [1]


def test_facts_are_never_rendered() -> None:
    assert Scope((), {"a": "{{ b }}"}, {}, {})["a"] == "{{ b }}"


def test_a_variable_that_refers_to_itself_is_rejected() -> None:
    with pytest.raises(UsageError, match="'a' refers to itself \\(a → b → a\\)"):
        scope(a="{{ b }}", b="{{ a }}")["a"]


def test_names_are_listed_once() -> None:
    found = Scope((({"a": 1}, no_location), ({"a": 2, "b": 1}, no_location)), {"c": 1}, {"b": 1}, {})
    assert (sorted(found), len(found), "c" in found, "d" in found) == (["a", "b", "c"], 3, True, False)


def test_an_absent_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        scope()["a"]

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from flowgate.playbook.coerce import coerce, type_text

Mode = Literal["fast", "slow"]


@pytest.mark.parametrize(
    "kind, value, fitted",
    [
        (str, "a", "a"),
        (str, 8080, "8080"),
        (int, 60, 60),
        (int, "60", 60),
        (int, " -3 ", -3),
        (float, 1, 1.0),
        (float, "0.5", 0.5),
        (bool, True, True),
        (bool, "no", False),
        (Path, "a/b", Path("a/b")),
        (Path, Path("a"), Path("a")),
        (list[str], ["a", 1], ["a", "1"]),
        (dict[str, str], {"a": 1, 2: "b"}, {"a": "1", "2": "b"}),
        (Mode, "fast", "fast"),
        (int | None, None, None),
        (int | None, "3", 3),
        (list[str] | None, ["a"], ["a"]),
        (object, {1: 2}, {1: 2}),
    ],
)
def test_values_are_converted_to_the_declared_type(kind: Any, value: object, fitted: object) -> None:
    assert coerce(kind, value) == fitted


@pytest.mark.parametrize(
    "kind, value, wanted",
    [
        (str, True, "text (put it in quotes)"),
        (str, None, "text (put it in quotes)"),
        (int, "sixty", "a whole number"),
        (int, True, "a whole number"),
        (int, 1.5, "a whole number"),
        (int, "9" * 5000, "a whole number"),
        (float, "soon", "a number"),
        (float, float("nan"), "a number"),
        (bool, 1, "true or false"),
        (bool, "perhaps", "true or false"),
        (Path, "", "a path"),
        (Path, "a\0b", "a path"),
        (list[str], "a,b", "a list"),
        (list[int], ["x"], "a whole number"),
        (dict[str, str], [1], "a mapping"),
        (Mode, "medium", "'fast' or 'slow'"),
        (int | None, "x", "a whole number"),
    ],
)
def test_a_value_of_another_type_is_rejected_with_the_expected_type(kind: Any, value: object, wanted: str) -> None:
    with pytest.raises(ValueError) as caught:
        coerce(kind, value)
    assert str(caught.value) == wanted


@pytest.mark.parametrize(
    "kind, text",
    [
        (int, "int"),
        (list[str], "list[text]"),
        (dict[str, str], "dict[text, text]"),
        (Mode, "'fast' | 'slow'"),
        (Path | None, "path | null"),
        (set[str], ""),
        (int | str, ""),
        (None, ""),
    ],
)
def test_types_are_written_for_people(kind: Any, text: str) -> None:
    assert type_text(kind) == text

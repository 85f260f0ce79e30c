from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.cli.arguments import named, variables
from flowgate.errors import FlowGateError, InvalidValue, UsageError


def test_a_flag_in_the_place_of_a_name_is_refused() -> None:
    with pytest.raises(UsageError, match="expected a profile, got '--help'"):
        named("--help", "a profile")
    assert named("cost", "a profile") == "cost"


def test_typed_variables_are_yaml_values(tmp_path: Path) -> None:
    (tmp_path / "more.yml").write_text("deep: {er: 1}\nkeep: false\n")
    extra = ["keep=true", "n=3", "text=a b", "empty=", f"@{tmp_path}/more.yml"]
    assert variables(extra) == {"keep": False, "n": 3, "text": "a b", "empty": None, "deep": {"er": 1}}


@pytest.mark.parametrize(
    "extra, wanted",
    [
        ("a=1 b=two", {"a": 1, "b": "two"}),
        ("a='x y' b=z", {"a": "x y", "b": "z"}),
        ("text=it's", {"text": "it's"}),
        ("text=a b=", {"text": "a", "b": None}),
        ('{"a": [1, "x"]}', {"a": [1, "x"]}),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
        ("day=2026-13-45", {"day": "2026-13-45"}),
    ],
)
def test_variables_come_as_pairs_and_as_a_mapping(extra: str, wanted: dict[str, object]) -> None:
    assert variables([extra]) == wanted


def test_of_two_typed_values_the_later_wins(tmp_path: Path) -> None:
    (tmp_path / "more.yml").write_text("a: file")
    assert variables([f"@{tmp_path}/more.yml", "a=typed"]) == {"a": "typed"}
    assert variables(["a=typed", f"@{tmp_path}/more.yml"]) == {"a": "file"}


@pytest.mark.parametrize("extra", ["keep", "=1", "a b=1", "@LIST"])
def test_a_variable_that_is_none_is_refused(extra: str, tmp_path: Path) -> None:
    (tmp_path / "list.yml").write_text("[1]")
    with pytest.raises(InvalidValue, match=r"must be key=value, \{key: value\}, or @FILE"):
        variables([extra.replace("@LIST", f"@{tmp_path}/list.yml")])


@pytest.mark.parametrize("extra, place", [("list=[", "-e list:"), ("{a: 1, a: 2}", "-e:1:8"), ("@BAD", "bad.yml:2:1")])
def test_variables_that_do_not_parse_are_refused_with_their_place(extra: str, place: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("a: 1\na: 2\n")
    with pytest.raises(UsageError) as error:
        variables([extra.replace("@BAD", f"@{tmp_path}/bad.yml")])
    assert place in error.value.place


def test_a_file_of_variables_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FlowGateError, match=r"none\.yml does not exist"):
        variables([f"@{tmp_path}/none.yml"])

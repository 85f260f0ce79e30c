"""What a user reads after a mistake: the place, the reason, and something that helps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowgate.cli import arguments, ask, config_place, console, find_playbook
from flowgate.config.yaml_compose import compose
from flowgate.errors import FlowGateError, InvalidValue, MultipleErrors, UnknownName, UsageError, raise_all, suggestion
from flowgate.gateway.policy_summary import seconds
from flowgate.system import files


@pytest.mark.parametrize("typed", ["1", "007", "99999999", "0000000000001"])
def test_a_count_is_a_whole_number(typed: str) -> None:
    assert arguments.count("lines", typed) == int(typed)


@pytest.mark.parametrize("typed", ["0", "-1", "1e3", "1.5", "0x10", "abc", "١٢", "5%", "100000000", "9" * 5000])
def test_a_refused_count_names_both_bounds(typed: str) -> None:
    with pytest.raises(InvalidValue, match="'--lines' must be a whole number from 1 to 99999999, not "):
        arguments.count("lines", typed)


@pytest.mark.parametrize("name", ["COST", "Cost", "cots", "cosst"])
def test_a_name_in_other_case_is_suggested(name: str) -> None:
    assert suggestion(name, ["balanced", "cost", "reliability"]) == "did you mean 'cost'?"


def test_the_same_error_is_reported_once() -> None:
    with pytest.raises(UsageError) as error:
        raise_all("f.yaml", [UsageError("a", place="f.yaml:1"), UsageError("a", place="f.yaml:1")])
    assert not isinstance(error.value, MultipleErrors)
    with pytest.raises(MultipleErrors, match="2 errors"):
        raise_all("f.yaml", [UsageError("a", place="f.yaml:1"), UsageError("a", place="f.yaml:2")])


def test_of_many_errors_the_first_ones_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    many: list[FlowGateError] = [UsageError(f"wrong {number}") for number in range(32)]
    console.print_error(MultipleErrors("f.yaml", many))
    shown = capsys.readouterr().err.splitlines()
    assert (len(shown), shown[0], shown[-1]) == (22, "error: f.yaml has 32 errors:", "  and 12 more")


def test_a_missing_value_is_not_called_none() -> None:
    assert str(InvalidValue("model", found=None, wanted="a text")) == "'model' must be a text, not nothing"


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("a: {b: 1\n", "close the '{'"),
        ("a: [1, 2\n", "close the '['"),
        ('{"a": 1,', "close the '{' or '['"),
        ("a: 1\n b: 2\n  c: 3\n", "': '"),
        ("a:\n  - 1\n  b: 2\n", "line up the '-'"),
        ("a: 1\nbcd\ne: 2\n", "`key: value`"),
        ('a: "\\d"\n', "single quotes"),
        ("\ta: 1\n", "spaces, not tabs"),
        ("a: *b\n", "needs quotes"),
        ("a: 'b\n", "close the quote"),
        ("a: 1\n- b\n", "line up the keys"),
    ],
)
def test_text_that_is_no_yaml_is_refused_with_what_to_do(text: str, fix: str) -> None:
    with pytest.raises(UsageError, match="not YAML") as error:
        compose(text, "f.yaml")
    assert fix in error.value.fix


def test_a_folder_is_not_called_a_missing_config(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a file") as error:
        config_place._existing(str(tmp_path), "--config")
    assert "--config" in error.value.fix


def test_a_missing_file_is_named_with_a_fix(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist") as error:
        files.read_text(tmp_path / "nope")
    assert error.value.fix


def test_a_file_without_an_ending_can_be_named_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").write_text("[]")
    with pytest.raises(UsageError) as error:
        find_playbook.find_playbook("mine")
    assert error.value.fix == "to run the file: flowgate play ./mine"
    assert find_playbook.find_playbook("./mine") == Path("mine")
    with pytest.raises(UnknownName):
        find_playbook.find_playbook("nix")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (json.dumps({"error": {"message": "no such\n\nmodel", "code": "404"}}), "no such model"),
        (json.dumps({"error": "bad"}), "bad"),
        (json.dumps({"detail": "x"}), '{"detail": "x"}'),
        ("<html>\n 502", "<html> 502"),
        ("[]", "[]"),
        ("", ""),
        (json.dumps({"error": {"message": "x" * 900}}), "x" * 399 + "…"),
    ],
)
def test_the_message_of_an_error_is_shown_in_one_line(body: str, message: str) -> None:
    assert ask.error_message(body) == message


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (90, "90 s"),
        (120, "2 min"),
        (603, "10 min 3 s"),
        (5999, "99 min 59 s"),
        (6000, "1 h 40 min"),
        (12003, "3 h 20 min 3 s"),
    ],
)
def test_a_long_duration_is_given_in_hours(length: float, text: str) -> None:
    assert seconds(length) == text

from __future__ import annotations

import json

import pytest

from flowgate.cli import console
from flowgate.domain import Outcome
from flowgate.errors import InvalidValue, MultipleErrors, NotReady, UnknownName

Caught = pytest.CaptureFixture[str]


@pytest.mark.parametrize("status, mark", console.MARKS.items())
def test_a_task_is_one_line_that_begins_with_its_mark(status: str, mark: str, capsys: Caught) -> None:
    console.print_outcome(Outcome("Render cost", "render", status, "wrote\n  two files", 1.234, "f.yml:3"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{mark} Render cost ")
    assert "wrote two files" in line
    assert line.endswith("1.23 s")


def test_a_long_line_is_cut_but_a_refusal_never(capsys: Caught) -> None:
    for status in ("unchanged", "failed"):
        console.print_outcome(Outcome("x", "x", status, "word " * 60, 0.0, ""))
    content, refused = capsys.readouterr().err.splitlines()
    assert len(content) <= console.LINE_WIDTH
    assert refused.count("word") == 60


def test_a_refusal_shows_what_where_the_log_and_the_way_out(capsys: Caught) -> None:
    console.print_error(NotReady("it did not come up", fix="inv up", place="f.yaml:3", log=["first", "last"]))
    assert capsys.readouterr().err.splitlines() == [
        "! it did not come up (f.yaml:3)",
        "  its last log lines:",
        "    | first",
        "    | last",
        "  way out: inv up",
    ]


def test_a_suggestion_is_shown_as_a_question(capsys: Caught) -> None:
    console.print_error(UnknownName("profile", "cots", known=["cost"], at="f.yaml:3"))
    assert capsys.readouterr().err == "! no profile is called 'cots' (f.yaml:3)\n  did you mean 'cost'?\n"


def test_all_faults_are_shown_each_with_its_place_and_hint(capsys: Caught) -> None:
    bad = InvalidValue("port", found="x", wanted="a whole number", at="f.yaml:4")
    console.print_error(MultipleErrors("f.yaml", [UnknownName("key", "prot", known=["port"], at="f.yaml:3"), bad]))
    assert capsys.readouterr().err.splitlines() == [
        "! f.yaml has 2 faults:",
        "  f.yaml:3: no key is called 'prot'",
        "      did you mean 'port'?",
        "  f.yaml:4: 'port' must be a whole number, not 'x'",
    ]


def test_data_goes_to_stdout_and_words_for_people_to_stderr(capsys: Caught) -> None:
    console.data("4000")
    console.document({"ä": [1]})
    console.note("by the way")
    message = capsys.readouterr()
    number, _, rest = message.out.partition("\n")
    assert (number, json.loads(rest), message.err) == ("4000", {"ä": [1]}, "by the way\n")


def test_a_table_keeps_its_columns(capsys: Caught) -> None:
    console.table([["name", "state"], ["litellm", "serving"]])
    assert capsys.readouterr().out == "name     state\nlitellm  serving\n"


def test_nothing_moves_or_is_coloured_where_no_terminal_is(capsys: Caught) -> None:
    console.paint("Render")
    console.note(console.colour("red", "31"))
    assert capsys.readouterr().err == "red\n"


def test_a_refusal_told_by_the_line_before_is_not_told_twice(capsys: Caught) -> None:
    console.print_error(NotReady("it did not come up", fix="inv up", place="f.yaml:3"), already_printed=True)
    assert capsys.readouterr().err.splitlines() == ["  at f.yaml:3", "  way out: inv up"]


@pytest.mark.parametrize(
    ("program", "text", "spell_commands"),
    [
        ("/bin/inv", "inv service.start", "inv service.start"),
        ("/bin/flowgate", "inv service.start", "flowgate service start"),
        (
            "flowgate",
            "inv up, or `inv auth.import-headless codex`",
            "flowgate up, or `flowgate auth import-headless codex`",
        ),
        ("flowgate", "uv run inv test; an inv; inventory", "uv run inv test; an inv; inventory"),
    ],
)
def test_commands_are_spelt_as_the_front_door_takes_them(
    program: str, text: str, spell_commands: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [program])
    assert console.spell_commands(text) == spell_commands

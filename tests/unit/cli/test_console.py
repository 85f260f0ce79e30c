"""What is printed to stdout and stderr, and in which form."""

from __future__ import annotations

import json
import sys

import pytest

from flowgate.cli import console
from flowgate.domain import Outcome
from flowgate.errors import InvalidValue, MultipleErrors, NotReady, UnknownName
from tests.unit.cli.terminal import Terminal

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("status, mark", console.MARKS.items())
def test_a_task_is_one_line_that_begins_with_its_mark(status: str, mark: str, capsys: Captured) -> None:
    console.print_outcome(Outcome("Render cost", "render", status, "wrote\n  two files", 1.234, "f.yml:3"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{mark} Render cost ")
    assert "wrote two files" in line
    assert line.endswith("1.23 s")


def test_a_long_message_is_cut_unless_it_is_an_error(capsys: Captured) -> None:
    for status in ("unchanged", "failed"):
        console.print_outcome(Outcome("x", "x", status, "word " * 60, 0.0, ""))
    unchanged, failed = capsys.readouterr().err.splitlines()
    assert len(unchanged) <= console.LINE_WIDTH
    assert failed.count("word") == 60


def test_an_error_shows_what_where_the_log_and_the_fix(capsys: Captured) -> None:
    console.print_error(NotReady("it did not start", fix="inv up", place="f.yaml:3", log=["first", "last"]))
    assert capsys.readouterr().err.splitlines() == [
        "error: it did not start (f.yaml:3)",
        "  last log lines:",
        "    | first",
        "    | last",
        "  fix: inv up",
    ]


def test_a_suggestion_is_a_fix(capsys: Captured) -> None:
    console.print_error(UnknownName("profile", "cots", known=["cost"], at="f.yaml:3"))
    assert capsys.readouterr().err == "error: no profile is called 'cots' (f.yaml:3)\n  fix: did you mean 'cost'?\n"


def test_each_of_several_errors_has_its_place_and_fix(capsys: Captured) -> None:
    bad = InvalidValue("port", found="x", wanted="a whole number", at="f.yaml:4")
    errors = [UnknownName("key", "prot", known=["port"], at="f.yaml:3"), bad]
    console.print_error(MultipleErrors("f.yaml", errors))
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.startswith("error: f.yaml has 2 ")
    assert rest == [
        "  f.yaml:3: no key is called 'prot'",
        "    fix: did you mean 'port'?",
        "  f.yaml:4: 'port' must be a whole number, not 'x'",
    ]


def test_an_error_in_the_line_before_is_not_repeated(capsys: Captured) -> None:
    console.print_error(NotReady("it did not start", fix="inv up", place="f.yaml:3"), already_printed=True)
    assert capsys.readouterr().err.splitlines() == ["  at f.yaml:3", "  fix: inv up"]


def test_data_goes_to_stdout_and_messages_to_stderr(capsys: Captured) -> None:
    console.data("4000")
    console.note("by the way")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("4000\n", "by the way\n")


def test_a_document_carries_the_version_of_its_format(capsys: Captured) -> None:
    console.document({"ä": [1]})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"version": 1, "ä": [1]}
    assert "ä" in printed


def test_a_document_on_one_line_carries_the_version_too() -> None:
    assert console.one_line_document({"ä": 1}) == '{"version": 1, "ä": 1}'


def test_a_table_has_aligned_columns(capsys: Captured) -> None:
    console.table([["name", "state"], ["litellm", "serving"]])
    assert capsys.readouterr().out == "name     state\nlitellm  serving\n"


def test_a_table_wraps_to_the_width_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal.install(monkeypatch, "stdout", columns=20)
    console.table([["name", "about"], ["litellm", "[red]several words that wrap"]])
    heading, *lines = screen.getvalue().splitlines()
    assert "name" in heading
    assert len(lines) > 1
    assert max(map(len, lines)) <= 20
    assert "[red]several" in screen.getvalue()


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [("TERM", "xterm", "\x1b[31mred\x1b[0m"), ("TERM", "dumb", "red"), ("NO_COLOR", "1", "red")],
)
def test_only_a_terminal_without_no_color_gets_colours(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, text: str
) -> None:
    assert console.colour("red", console.RED) == "red"
    Terminal.install(monkeypatch, "stderr")
    monkeypatch.setenv(variable, value)
    assert console.colour("red", console.RED) == text


def test_rich_is_not_imported_for_a_pipe(capsys: Captured) -> None:
    loaded = set(sys.modules)
    console.table([["a"], ["b"]])
    console.note("c")
    assert not [name for name in set(sys.modules) - loaded if name.startswith("rich")]


@pytest.mark.parametrize(
    ("program", "text", "spelled"),
    [
        ("/bin/inv", "inv service.start", "inv service.start"),
        ("/bin/flowgate", "inv service.start", "flowgate service start"),
        (
            "flowgate",
            "inv up, or `inv auth.import-headless codex`",
            "flowgate up, or `flowgate auth import-headless codex`",
        ),
        ("flowgate", "inv litellm.upgrade --to 1", "flowgate litellm upgrade --to 1"),
        ("flowgate", "uv run inv test; an inv; inventory", "uv run inv test; an inv; inventory"),
    ],
)
def test_commands_are_spelled_for_the_program_that_runs(
    program: str, text: str, spelled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [program])
    assert console.spell_commands(text) == spelled

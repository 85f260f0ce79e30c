"""Control characters from data are shown as escapes."""

from __future__ import annotations

import pytest

from flowgate.cli import console
from flowgate.cli.escapes import escaped, escaped_line, escaped_output


@pytest.mark.parametrize(
    "character, shown",
    [
        *(("\x1b", "\\x1b"), ("\0", "\\x00"), ("\r", "\\x0d"), ("\x08", "\\x08"), ("\x7f", "\\x7f"), ("\x9b", "\\x9b")),
        *(("\u202e", "\\u202e"), ("\u2066", "\\u2066"), ("\u2028", "\\u2028"), ("\ud800", "\\ud800")),
    ],
)
def test_a_control_character_is_shown_as_an_escape(character: str, shown: str) -> None:
    assert escaped(f"a{character}b") == f"a{shown}b"


def test_letters_of_all_scripts_tabs_and_newlines_stay() -> None:
    assert escaped("grün\tعربي 語\n…") == "grün\tعربي 語\n…"


def test_the_colour_of_a_whole_line_stays_and_colours_inside_are_escaped() -> None:
    assert escaped_line("\x1b[31m! a \x1b[2J b\x1b[0m") == "\x1b[31m! a \\x1b[2J b\x1b[0m"


def test_colours_in_output_stay_and_other_sequences_are_escaped() -> None:
    assert escaped_output("\x1b[1mbold\x1b[0m \x1b]0;title\x07") == "\x1b[1mbold\x1b[0m \\x1b]0;title\\x07"


def test_messages_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    console.note("a\x1b[2Jb")
    assert capsys.readouterr().err == "a\\x1b[2Jb\n"


def test_data_for_a_pipe_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.data("a\x1b[2Jb")
    assert capsys.readouterr().out == "a\x1b[2Jb\n"

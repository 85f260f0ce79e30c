from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowgate.cli import console
from flowgate.cli.source_excerpt import excerpt
from flowgate.errors import CheckFailed, MultipleErrors, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "play.yml"
    path.write_text("- tasks:\n\t- wriet: 1\n    - 名前: x\r\n" + "a" * 150 + "B" + "c" * 150 + "\n")
    return path


@pytest.mark.parametrize(
    "place, lines",
    [
        (":1:3", ["1 | - tasks:", "  |   ^"]),
        (":2:4", ["2 |  - wriet: 1", "  |    ^"]),
        (":3:9", ["3 |     - 名前: x", "  |           ^"]),
        (":1:9", ["1 | - tasks:", "  |         ^"]),
    ],
)
def test_the_line_is_shown_with_a_caret_under_its_column(file: Path, place: str, lines: list[str]) -> None:
    assert excerpt(f"{file}{place}") == lines


def test_a_long_line_is_shown_around_the_caret(file: Path) -> None:
    shown, caret = excerpt(f"{file}:4:151")
    assert (len(shown), shown[caret.index("^")]) == (104, "B")


@pytest.mark.parametrize("place", ["", "{}", "{}:1", "{}:9:1", "{}:1:99", "{}:0:1", "/no/such:1:1", "{}:a:b", "/:1:1"])
def test_another_form_of_place_has_no_excerpt(file: Path, place: str) -> None:
    assert excerpt(place.format(file)) == []


def test_an_error_is_printed_with_its_source_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console.print_error(UsageError("no step is called 'wriet'", fix="did you mean 'write'?", place=f"{file}:2:4"))
    assert capsys.readouterr().err.splitlines()[1:] == [
        "    2 |  - wriet: 1",
        "      |    ^",
        "  fix: did you mean 'write'?",
    ]


def test_each_of_several_errors_is_printed_with_its_source_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console.print_error(
        MultipleErrors("it", [UsageError("a", place=f"{file}:1:1"), CheckFailed("b", place=f"{file}:9:1")])
    )
    printed = capsys.readouterr().err.splitlines()
    assert printed[1:] == [f"  {file}:1:1: a", "      1 | - tasks:", "        | ^", f"  {file}:9:1: b"]

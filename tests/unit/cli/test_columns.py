"""Tables that fit a width and break no word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowgate.cli.columns import lay_out

STATUS = [
    ["service", "state", "pid", "uptime", "memory", "generation", "restarts", "address"],
    ["litellm", "serving", "4711", "2h 4m", "612 MB", "12", "0", "http://127.0.0.1:18411"],
    ["cliproxyapi_plus", "stopped", "-", "-", "-", "-", "0", "http://127.0.0.1:18412 (embedded, not a provider)"],
]


def test_a_table_that_fits_has_one_line_a_row() -> None:
    assert lay_out([["a", "b"], ["long", "c"]], 80) == ["a     b", "long  c"]


@pytest.mark.parametrize("width", [40, 60, 72, 80, 100, 120, None])
def test_addresses_stay_whole(width: int | None) -> None:
    text = "\n".join(lay_out(STATUS, width))
    assert all(address in text for address in ("http://127.0.0.1:18411", "http://127.0.0.1:18412"))


def test_what_does_not_fit_follows_its_row() -> None:
    assert lay_out(STATUS, 80)[2:4] == [
        "litellm           serving  4711  2h 4m   612 MB  12          0",
        "    http://127.0.0.1:18411",
    ]


def test_sentences_wrap_under_their_column() -> None:
    assert lay_out([["debug", "Show a value, or a text that was given."]], 30) == [
        "debug  Show a value, or a text",
        "       that was given.",
    ]


def test_an_indent_is_kept() -> None:
    assert lay_out([["  " + "one two three four five " * 3, "x"]], 40)[1].startswith("  ")


WORDS = st.lists(st.text("ab1:/", min_size=1, max_size=12), max_size=8).map(" ".join)


@given(st.lists(st.lists(WORDS, min_size=3, max_size=3), min_size=1, max_size=5), st.integers(20, 90))
def test_no_word_is_lost_broken_or_beyond_the_width(rows: list[list[str]], width: int) -> None:
    lines = lay_out(rows, width)
    assert sorted(word for line in lines for word in line.split()) == sorted(
        word for row in rows for cell in row for word in cell.split()
    )
    assert max(map(len, lines), default=0) <= width

from __future__ import annotations

import io
import sys

import pytest

from flowgate.cli import console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("total, message", [(4_000_000, "1.0 of 4.0 MB"), (None, "1.0 MB")])
def test_a_terminal_shows_how_far_a_transfer_is(
    monkeypatch: pytest.MonkeyPatch, total: int | None, message: str
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console.progress("a.tar.gz", 1_000_000, total)
    shown = screen.getvalue()
    assert "a.tar.gz" in shown
    assert message in shown
    assert "\n" not in shown


def test_a_file_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    console.progress("a.tar.gz", 1, 2)
    assert file.getvalue() == ""

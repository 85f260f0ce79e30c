"""A fake terminal in place of stdout or stderr."""

from __future__ import annotations

import io
import sys

import pytest


class Terminal(io.StringIO):
    """Keeps what is written to it, and says that it is a terminal."""

    def isatty(self) -> bool:
        return True

    @classmethod
    def install(cls, monkeypatch: pytest.MonkeyPatch, stream: str, columns: int = 80) -> Terminal:
        """Replace `sys.stdout` or `sys.stderr` by a terminal of that width."""
        screen = cls()
        monkeypatch.setattr(sys, stream, screen)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.delenv("NO_COLOR", raising=False)
        return screen

"""A supervisor works on while an upgrade replaces the files of modules that it has not imported yet."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flowgate.supervisor.housekeeping import Housekeeping
from flowgate.system.clock import Clock


class Work:
    """Work that cannot be loaded at first."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.done = list(errors), 0

    def __call__(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.done += 1


def attempts(work: Work, times: int) -> list[str]:
    """Attempt work as often as that; return what the supervisor logs."""
    logged: list[str] = []
    supervisor: Any = SimpleNamespace(clock=Clock(), journal=SimpleNamespace(log=logged.append), folder=Path("run"))
    server: Any = SimpleNamespace()
    housekeeping = Housekeeping(supervisor, server)
    for _ in range(times):
        housekeeping._attempt(work)
    return logged


@pytest.mark.parametrize("error", [ModuleNotFoundError("No module named 'a.b'"), FileNotFoundError("a/b.py")])
def test_what_cannot_be_loaded_is_said_once_and_tried_again(error: Exception) -> None:
    work = Work(error, error, error)
    assert attempts(work, 5) == [f"a part of FlowGate cannot be loaded, and is tried again: {error}"]
    assert work.done == 2


def test_another_error_is_not_hidden() -> None:
    with pytest.raises(PermissionError):
        attempts(Work(PermissionError("no")), 1)

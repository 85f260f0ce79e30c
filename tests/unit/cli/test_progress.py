"""What a person sees while a playbook runs."""

from __future__ import annotations

import io
import sys

import pytest

from flowgate.cli.progress import RunProgress
from flowgate.domain import Outcome
from flowgate.playbook.run_options import Started
from flowgate.system.clock import Clock
from tests.unit.cli.terminal import Terminal

STARTED = Started("Wait [until] ready", "wait_healthy", "up.yml:3")
ENDED = Outcome("Wait [until] ready", "wait_healthy", "changed", "both are ready", 1.0, "up.yml:3")


def test_a_terminal_shows_the_running_task_and_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal.install(monkeypatch, "stderr")
    progress = RunProgress(diff=False)
    progress.emit(STARTED)
    progress.set_activity("LiteLLM starts")
    progress.note("by the way")
    progress.pause()
    assert "Wait [until] ready: LiteLLM starts" in screen.getvalue()
    assert "by the way\n" in screen.getvalue()


def test_nothing_is_drawn_after_the_last_task(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal.install(monkeypatch, "stderr")
    progress = RunProgress(diff=False)
    progress.emit(STARTED)
    progress.emit(ENDED)
    last = screen.getvalue().rpartition("\x1b[2K")[2]
    assert "both are ready" in last
    assert last.endswith("1.00 s\x1b[0m\n")


@pytest.mark.parametrize("total, sizes", [(4_000_000, "1.0/4.0 MB"), (None, "1.0/? MB")])
def test_a_terminal_shows_how_far_a_download_is(monkeypatch: pytest.MonkeyPatch, total: int | None, sizes: str) -> None:
    screen = Terminal.install(monkeypatch, "stderr")
    progress = RunProgress(diff=False)
    progress.emit(STARTED)
    progress.progress("a.tar.gz", 1_000_000, total)
    progress.note("")
    progress.pause()
    assert "a.tar.gz" in screen.getvalue()
    assert sizes in screen.getvalue()


def test_a_terminal_without_colours_shows_the_running_task_too(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal.install(monkeypatch, "stderr")
    monkeypatch.setenv("NO_COLOR", "1")
    progress = RunProgress(diff=False)
    progress.emit(STARTED)
    progress.emit(ENDED)
    assert "Wait [until] ready" in screen.getvalue()
    assert "\x1b[3" not in screen.getvalue()


def test_a_skipped_task_that_never_started_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal.install(monkeypatch, "stderr")
    RunProgress(diff=False).emit(ENDED)
    assert "both are ready" in screen.getvalue()


def test_a_sleep_between_tries_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal.install(monkeypatch, "stderr")
    slept: list[float] = []
    progress = RunProgress(diff=False)
    progress.emit(STARTED)
    progress.clock(Clock()._replace(sleep=slept.append)).sleep(2.5)
    progress.note("")
    progress.pause()
    assert slept == [2.5]
    assert "waiting 2.5 s before the next try" in screen.getvalue()


def test_a_pipe_gets_one_line_for_each_task_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    progress = RunProgress(diff=False)
    progress.emit(STARTED)
    progress.progress("a.tar.gz", 1, 2)
    progress.set_activity("LiteLLM starts")
    assert pipe.getvalue() == ""
    progress.emit(ENDED)
    assert pipe.getvalue().startswith("~ Wait [until] ready")
    assert pipe.getvalue().count("\n") == 1

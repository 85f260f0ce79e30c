"""What `top` shows, as lines: in many states of the gateway, and on small terminals."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.cli.session import Session, open_session
from flowgate.cli.top import Watching
from flowgate.cli.top_data import Observer, Snapshot
from flowgate.cli.top_lines import ASCII_BLOCKS, Painter, lines_of
from flowgate.domain.ledger import FILE_NAME
from flowgate.errors import EnvironmentFailure, FlowGateError, NotAnswering
from flowgate.ledger.schema import VERSION
from flowgate.system.clock import Clock
from tests.conftest import Workspace, wait
from tests.unit.ledger.conftest import entry, record

if TYPE_CHECKING:
    from tests.unit.steps.conftest import FakeSupervisor

WORKERS = [
    {"index": one, "phase": "serving", "pid": 30 + one, "seconds": 5.0, "memory": 10**8}
    | {"open_connections": 1, "under_way": 2, "silent": ""}
    for one in (1, 2)
]
BUDGETS = ("profiles:\n", "budgets:\n  everyday: {daily_usd: 1, then: refuse}\nprofiles:\n")


@pytest.fixture
def look(session: Session) -> Callable[[], Snapshot]:
    """Take snapshots of a gateway whose supervisor is a fake."""
    return Observer(lambda: session, Clock()).look


@pytest.fixture
def path(place: Workspace) -> Path:
    return place.runtime / FILE_NAME


def text(shown: Snapshot, width: int | None = 80, height: int | None = None) -> str:
    painter = Painter(colour=False, mask=str, encoding="utf-8")
    return "\n".join(painter.paint(lines_of(shown, width, height), width))


def fill(path: Path, count: int = 30, **more: Any) -> None:
    now = time.time()
    record(path, *(entry(at=now - one, **more) for one in range(count)), now=now)


def test_nothing_runs_and_nothing_is_recorded(look: Callable[[], Snapshot]) -> None:
    shown = text(look())
    assert "profile balanced (default)" in shown
    assert "none is recorded yet" in shown
    assert shown.count("stopped") == 2
    assert "!" not in shown


def test_rate_latency_failures_and_spend(look: Callable[[], Snapshot], path: Path) -> None:
    fill(path)
    fill(path, 10, error="rate_limit", status=429, cost=None)
    shown = text(look())
    assert "0.7/s  p50 500ms  p95 500ms" in shown
    assert "10 of 40 in the last 60 s" in shown
    assert "$7.50" in shown or "today     0" in shown  # midnight in UTC was a moment ago


def test_generations_and_workers(look: Callable[[], Snapshot], supervisor: FakeSupervisor) -> None:
    supervisor.run("litellm", "draining", pid=11).run(
        "litellm", pid=12, wanted_workers=2, workers=WORKERS, labels={"profile": "cost"}
    )
    shown = text(look(), width=None)
    assert "profile cost (serving)" in shown
    assert "generation 1: draining" in shown
    assert "generation 2 cost: serving" in shown
    assert "worker 2: serving, process 32, 5 s, 100 MB, open connections: 1, requests in progress: 2" in shown


def test_a_process_that_does_not_answer(look: Callable[[], Snapshot], supervisor: FakeSupervisor) -> None:
    supervisor.run("litellm", pid=11, silent="does not answer")
    assert "litellm generation 1 (process 11) does not answer" in text(look())


def test_a_budget_that_is_exhausted(place: Workspace, supervisor: FakeSupervisor, path: Path) -> None:
    place.edit_config(BUDGETS)
    fill(path)
    session = replace(open_session(quiet=True), kept=supervisor)  # type: ignore[arg-type]
    shown = text(Observer(lambda: session, Clock()).look())
    assert "budget    everyday: $" in shown


def test_the_last_events_come_first_and_garbage_is_skipped(look: Callable[[], Snapshot], place: Workspace) -> None:
    lines = [f'{{"timestamp": "2026-01-01T00:00:0{n}.000Z", "event": "e{n}", "result": "ok"}}' for n in range(3)]
    (place.runtime / "events.log").write_text("\n".join([*lines, "{", '{"event": 3}', ""]))
    shown = text(look())
    assert shown.index("00:00:02 e2 ok") < shown.index("00:00:01 e1 ok")


def break_newer(path: Path) -> None:
    with sqlite3.connect(path) as ledger:
        ledger.execute(f"PRAGMA user_version = {VERSION + 1}")


BROKEN = {
    "newer": (break_newer, "was written by a newer FlowGate"),
    "damaged": (lambda path: path.write_bytes(b"no ledger" * 1000), "cannot be read"),
    "a folder": (lambda path: path.unlink() or path.mkdir(), "is not a regular file"),
    "without a table": (lambda path: _drop(path), "no such table: requests"),
}


def _drop(path: Path) -> None:
    with sqlite3.connect(path) as ledger:
        ledger.execute("DROP TABLE requests")


@pytest.mark.parametrize("state", BROKEN)
def test_a_ledger_that_cannot_be_read_is_said_and_the_rest_is_shown(
    state: str, look: Callable[[], Snapshot], path: Path, supervisor: FakeSupervisor
) -> None:
    fill(path)
    for part in ("-wal", "-shm"):
        path.with_name(path.name + part).unlink(missing_ok=True)
    BROKEN[state][0](path)
    shown = text(look(), width=None)
    assert BROKEN[state][1] in shown
    assert shown.count("stopped") == 2


def test_an_empty_ledger_is_no_problem(look: Callable[[], Snapshot], path: Path) -> None:
    path.write_bytes(b"")
    assert "!" not in text(look())


def test_a_supervisor_that_does_not_answer_leaves_the_ledger(
    look: Callable[[], Snapshot], path: Path, supervisor: FakeSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)

    def refuse() -> None:
        raise NotAnswering("the supervisor has not answered for 5 s", fix="inv service.recover")

    monkeypatch.setattr(supervisor, "status", refuse)
    shown = text(look(), width=60)
    assert "profile not known" in shown
    assert "cooldowns: not known" in shown
    assert "service.recover" in shown
    assert "0.5/s" in shown


@pytest.mark.parametrize("width", [80, 40, 20, 1])
@pytest.mark.parametrize("height", [24, 10, 3, 1])
def test_every_frame_fits(
    width: int, height: int, look: Callable[[], Snapshot], path: Path, supervisor: FakeSupervisor
) -> None:
    fill(path)
    supervisor.run("litellm", pid=12, wanted_workers=2, workers=WORKERS)
    lines = text(look(), width, height).split("\n")
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("FlowGate" if width > 8 else "…")


def test_what_matters_stays_on_a_small_terminal(look: Callable[[], Snapshot], path: Path) -> None:
    fill(path)
    shown = text(look(), 80, 8)
    assert "0.5/s" in shown
    assert "cliproxyapi_plus" in shown


def test_control_characters_and_secrets_are_not_shown(look: Callable[[], Snapshot], place: Workspace) -> None:
    event = '{"timestamp": "t", "event": "x", "detail": "\\u001b[2J sk-canary \\n next"}\n'
    (place.runtime / "events.log").write_text(event)
    painter = Painter(colour=True, mask=lambda text: text.replace("sk-canary", "***"), encoding="utf-8")
    shown = "\n".join(painter.paint(lines_of(look(), 80, None), 80))
    assert "\x1b[2J" not in shown
    assert "\\x1b[2J *** " in shown


def test_a_terminal_without_unicode_gets_ascii(look: Callable[[], Snapshot], path: Path) -> None:
    fill(path)
    painter = Painter(colour=False, mask=str, encoding="ascii")
    assert all(line.isascii() for line in painter.paint(lines_of(look(), 30, None, ASCII_BLOCKS), 30))


def fail(error: Exception) -> Callable[[], Snapshot]:
    def look() -> Snapshot:
        raise error

    return look


def test_an_error_is_kept_and_the_watching_goes_on() -> None:
    watching = Watching(fail(EnvironmentFailure("the config is wrong")), lambda: None, 0.01, Clock())
    watching.start()
    assert wait(lambda: watching.problem == "the config is wrong")
    watching.end()
    watching.check()


def test_a_bug_in_the_thread_ends_the_command() -> None:
    watching = Watching(fail(KeyError("x")), lambda: None, 0.01, Clock())
    watching.start()

    def ended() -> bool:
        try:
            watching.check()
        except KeyError:
            return True
        return False

    assert wait(ended)
    assert not issubclass(KeyError, FlowGateError)

"""Generations record their requests in one ledger: over switches, `kill -9` of one of them, and of the supervisor."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowgate.domain import Program
from flowgate.domain.ledger import LedgerFile
from flowgate.ledger import database, usage, writer
from flowgate.ledger.usage import Group, Losses, Span
from flowgate.supervisor import recording
from flowgate.supervisor.client import SupervisorClient
from tests.conftest import until
from tests.unit.supervisor.conftest import supervisor_pid
from tests.unit.supervisor.test_handover import hand_over, phases
from tests.unit.supervisor.test_workers import workers

App = Callable[..., Program]
EVER = Span(0.0, 9e9)


@pytest.fixture
def ledger(runtime: Path) -> LedgerFile:
    """The ledger of the runtime folder."""
    return LedgerFile(runtime / "ledger.sqlite", 90, 500)


def summed(ledger: LedgerFile, by: str = "status") -> tuple[dict[str, Group], Losses]:
    connection = database.open_to_read(ledger.path)
    if connection is None:
        return {}, Losses(0, [])
    with closing(connection):
        return usage.collect(connection, EVER, by), usage.losses(connection, EVER)


def requests(ledger: LedgerFile) -> int:
    return sum(one.sums.requests for one in summed(ledger)[0].values())


def post(program: Program, path: str = "/ask") -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", program.port, timeout=60)) as connection:
        connection.request("POST", path, b"a prompt")
        response = connection.getresponse()
        response.read()
        return response.status


def test_requests_of_all_generations_are_recorded(
    supervisor: SupervisorClient, app: App, ledger: LedgerFile, way: str
) -> None:
    for number in (1, 2, 3):
        one = app(f"n{number}", way=way, ledger=ledger, labels={"profile": f"p{number}", "app": "9.9"})
        hand_over(supervisor, one)
        for _ in range(5 * number):
            assert post(one) == 200
    supervisor.stop(["app"])
    found, lost = summed(ledger, "profile")
    assert {name: group.sums.requests for name, group in found.items()} == {"p1": 5, "p2": 10, "p3": 15}
    assert lost == Losses(0, [])


class Client(threading.Thread):
    """A client that sends one request after another, and counts the answers."""

    def __init__(self, program: Program) -> None:
        super().__init__(daemon=True)
        self.program, self.failed, self.ended = program, 0, threading.Event()
        self.answered = 0

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                if post(self.program) == 200:
                    self.answered += 1
            except (OSError, http.client.HTTPException):
                self.failed += 1

    def served(self, more: int = 20) -> None:
        """Wait until some more requests were answered."""
        before = self.answered
        until(lambda: self.answered >= before + more)


@pytest.fixture
def load() -> Iterator[Callable[[Program], Client]]:
    """Starts clients, and ends them."""
    made: list[Client] = []

    def start(program: Program) -> Client:
        made.append(Client(program))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.ended.set()
        one.join(60)


def kill_generation(supervisor: SupervisorClient) -> None:
    generation = supervisor.generation("app")
    assert generation is not None
    assert generation["pid"]
    os.kill(generation["pid"], signal.SIGKILL)


def test_counts_agree_after_a_kill_of_the_supervisor_and_a_switch(
    supervisor: SupervisorClient, app: App, ledger: LedgerFile, load: Callable[[Program], Client]
) -> None:
    hand_over(supervisor, app("one", ledger=ledger))
    client = load(app("one"))
    client.served()
    os.kill(supervisor_pid(supervisor), signal.SIGKILL)
    client.served()
    supervisor.close()
    hand_over(supervisor, app("two", ledger=ledger))
    until(lambda: list(phases(supervisor).values()) == ["serving"])
    client.served()
    client.ended.set()
    client.join(60)
    supervisor.stop(["app"])
    assert (requests(ledger), client.failed) == (client.answered, 0)


def test_a_kill_of_a_generation_loses_what_was_not_written_yet_and_is_told(
    supervisor: SupervisorClient, app: App, ledger: LedgerFile, load: Callable[[Program], Client]
) -> None:
    """How long a request may wait to be written is `BATCH_SECONDS`; a loaded machine makes it longer."""
    assert writer.BATCH_SECONDS < 1.0
    hand_over(supervisor, app("one", ledger=ledger, restart="always"))
    client = load(app("one"))
    until(lambda: requests(ledger) >= 20)  # while it serves
    written = requests(ledger)
    kill_generation(supervisor)
    most = client.answered - written
    client.served()
    client.ended.set()
    client.join(60)
    supervisor.stop(["app"])
    in_progress = 1  # when the generation was killed
    assert 0 <= client.answered + client.failed - requests(ledger) <= most + in_progress
    assert [one.generation for one in summed(ledger)[1].killed] == [1]


def test_a_stream_that_a_kill_cuts_is_recorded(
    supervisor: SupervisorClient, app: App, ledger: LedgerFile, tmp_path: Path
) -> None:
    one = app("one", ledger=ledger, restart="always")
    hand_over(supervisor, one)
    with closing(http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)) as connection:
        connection.request("POST", f"/stream/{tmp_path / 'never'}")
        assert connection.getresponse().status == 200
        until(lambda: ledger.path.exists() and _rows(ledger) == 1)
        kill_generation(supervisor)
    until(lambda: list(phases(supervisor).items()) == [(2, "serving")])
    assert post(one) == 200
    until(lambda: requests(ledger) == 2)
    assert sum(group.sums.failures for group in summed(ledger)[0].values()) == 1


def _rows(ledger: LedgerFile) -> int:
    connection = database.open_to_read(ledger.path)
    if connection is None:
        return 0
    with closing(connection):
        return int(connection.execute("SELECT count(*) FROM requests").fetchone()[0])


def workers_of(ledger: LedgerFile) -> list[tuple[int, int]]:
    connection = database.open_to_read(ledger.path)
    if connection is None:
        return []
    with closing(connection):
        return connection.execute("SELECT worker, count(DISTINCT pid) FROM runs GROUP BY worker").fetchall()


def test_each_worker_has_a_record_of_its_own_also_after_a_kill(
    supervisor: SupervisorClient, app: App, ledger: LedgerFile, way: str
) -> None:
    program = app(way=way, workers=2, ledger=ledger)
    hand_over(supervisor, program)
    until(lambda: post(program) == 200 and workers_of(ledger) == [(1, 1), (2, 1)])
    os.kill(workers(supervisor)[0]["pid"], signal.SIGKILL)
    until(lambda: post(program) and workers_of(ledger) == [(1, 1), (2, 1), (3, 1)])


def test_the_state_of_the_ledger_can_be_asked(supervisor: SupervisorClient, app: App, ledger: LedgerFile) -> None:
    one = app("one", ledger=ledger)
    hand_over(supervisor, one)
    post(one)
    until(lambda: supervisor.query("app", "ledger")[0]["written"] == 1)
    assert supervisor.query("app", "ledger")[0]["dropped"] == 0


def test_trouble_is_an_event_and_reaches_no_request(supervisor: SupervisorClient, app: App, ledger: LedgerFile) -> None:
    ledger.path.mkdir(parents=True)
    one = app("one", ledger=ledger)
    hand_over(supervisor, one)
    assert post(one) == 200
    until(lambda: supervisor.query("app", "ledger")[0]["problem"])
    supervisor.stop(["app"])
    events = (ledger.path.parent / "events.log").read_text()
    assert '"event": "ledger"' in events
    assert "1 request was not recorded" in events


def test_without_a_ledger_nothing_is_written(supervisor: SupervisorClient, app: App, ledger: LedgerFile) -> None:
    one = app("one")
    hand_over(supervisor, one)
    post(one)
    supervisor.stop(["app"])
    assert not ledger.path.exists()


# --- rows


def row(**more: Any) -> Any:
    return {"path": "/v1/messages", "method": "POST", "at": 5.0, "seconds": 1.0, "status": 200, **more}


def attempt(model: str = "m", **more: Any) -> Any:
    known = {"deployment": f"openai/{model}", "id": "d", "host": "h:1", "at": 5.0, "seconds": 0.5, "status": None}
    return {"model": model, **known, "error": "", **more}


TRIED = [attempt(error="x"), attempt(at=7.0, error="x"), attempt("n", at=7.5)]
USAGE = {"prompt": 3, "completion": 4, "cached": 1, "reasoning": 2, "cost": 0.5, "price": "list", "provider": "azure"}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, {"protocol": "messages", "model": "", "provider": "", "error": "", "prompt_tokens": None}),
        ({"path": "/v1/chat/completions"}, {"protocol": "chat"}),
        ({"path": "/other"}, {"protocol": ""}),
        ({"usage": USAGE, "attempts": [attempt()]}, {"prompt_tokens": 3, "cost": 0.5, "provider": "azure"}),
        ({"attempts": [attempt(service="south")], "usage": USAGE}, {"provider": "south"}),
        ({"attempts": [attempt()]}, {"provider": "openai", "deployment": "openai/m", "model": "m"}),
        ({"attempts": [attempt(error="Timeout", status=504)], "status": 504}, {"error": "Timeout", "status": 504}),
        ({"status": 500}, {"error": "status 500"}),
        ({"status": None}, {"error": "no response"}),
        (
            {"refused": "no model is called 'x'", "model": "x", "status": 404},
            {"error": "refused", "model": "(unknown)"},
        ),
        (
            {"attempts": [attempt(error="x"), attempt(at=7.0), attempt("n", at=7.5)]},
            {"retries": 1, "fallbacks": 1, "waited": 1.5},
        ),
        ({"held": 2.0}, {"waited": 2.0}),
        ({"own": True, "client": "codex"}, {"client": "flowgate"}),
        ({"client": "codex"}, {"client": "codex"}),
        ({"headers": {"x-a-call-id": "i1", "x-a-other": "2"}}, {"request_id": "i1"}),
        ({"first": 0.25}, {"first_piece": 0.25}),
        ({"model": "m" * 500}, {"model": "m" * 200}),
    ],
)
def test_a_row_becomes_an_entry(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = recording.entry(row(**given), 1, 2, "x-a-call-id").request._asdict()
    assert {name: found[name] for name in wanted} == wanted


def test_what_a_vendor_asked_to_wait_is_recorded_with_its_attempt() -> None:
    tried = [attempt(error="x", retry_after=30), attempt(error="x", retry_after=-1), attempt()]
    found = recording.entry(row(attempts=tried), 1, 2, "x-a-call-id").attempts
    assert [one.retry_after for one in found] == [30, -1, None]


@pytest.mark.parametrize(
    ("given", "complete"),
    [
        ({}, True),
        ({"attempts": [attempt()]}, False),
        ({"attempts": [attempt()], "usage": USAGE}, True),
        ({"attempts": [attempt(error="Timeout")]}, True),
    ],
)
def test_only_an_answered_request_waits_for_its_tokens(given: dict[str, Any], complete: bool) -> None:
    assert recording.is_complete(row(**given)) is complete

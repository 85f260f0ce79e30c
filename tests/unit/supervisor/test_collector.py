"""Collecting a service's records: what is asked, what is written, and what a bad service can do."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest

from flowgate.domain import Secret
from flowgate.domain.ledger import LedgerFile
from flowgate.domain.usage_source import UsageSource
from flowgate.ledger import accounts, database
from flowgate.ledger.account_entries import Rise
from flowgate.ledger.usage import Span
from flowgate.supervisor.collector import BUSY_SECONDS, IDLE_SECONDS, Collector, Target
from flowgate.supervisor.usage_source_tree import to_usage_source_tree, usage_source_from_tree
from flowgate.system import bounded_get
from flowgate.system.bounded_get import Answer, NoAnswer
from tests.unit.gateway.test_usage_queue import record

SECRET = "management-canary"


def source(folder: Path) -> UsageSource:
    ledger = LedgerFile(folder / "ledger.sqlite", 90, 500)
    return UsageSource("/queue?count=2", "KEY", folder / "key", "flowgate.gateway.usage_queue:parse", ledger)


class Place:
    """A collector, the answers that its service will give, and what it reported."""

    def __init__(self, folder: Path) -> None:
        self.answers: list[Answer | Exception] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.logged: list[str] = []
        self.rises: list[Rise] = []
        self.source = source(folder)
        self.target = self.generation(1)
        self.collector = Collector(self.logged.append, lambda _, rise: self.rises.append(rise), self.ask)

    def generation(self, number: int, key: str = SECRET) -> Target:
        return Target(("cliproxy", number), self.source, ("127.0.0.1", 1), Secret(key) if key else None)

    def ask(self, address: tuple[str, int], path: str, headers: dict[str, str], **limits: float) -> Answer:
        self.asked.append((path, headers))
        answer = self.answers.pop(0) if self.answers else Answer(200, b"[]")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run(self, *answers: Answer | Exception) -> float | None:
        """Let one round find these answers."""
        self.answers += answers
        self.collector._target = self.target
        return self.collector.run(self.target)

    def state(self) -> tuple[str, int, int]:
        found = self.collector.status()["cliproxy"]
        return found["state"], found["records"], found["unreadable"]

    def requests(self) -> int:
        with closing(sqlite3.connect(self.source.ledger.path)) as connection:
            found = accounts.collect(connection, Span(0, 4e9))
        return sum(one.sums.requests for one in found.values())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place without records."""
    return Place(tmp_path)


def records(count: int, **more: object) -> Answer:
    return Answer(200, json.dumps([record(**more) for _ in range(count)]).encode())


def test_every_page_is_taken_until_one_is_empty(place: Place) -> None:
    assert place.run(records(2), records(1)) == BUSY_SECONDS
    assert (len(place.asked), place.requests(), place.state()) == (3, 3, ("collecting", 3, 0))


def test_a_service_without_requests_is_asked_less_often(place: Place) -> None:
    assert [place.run() for _ in range(6)] == [2, 4, 8, IDLE_SECONDS, IDLE_SECONDS, IDLE_SECONDS]
    assert not place.source.ledger.path.exists()


@pytest.mark.parametrize(("status", "state"), [(404, "absent"), (401, "refused"), (403, "refused")])
def test_a_service_that_has_no_records_or_refuses_the_key_is_asked_once(place: Place, status: int, state: str) -> None:
    assert place.run(Answer(status, b"")) is None
    assert (place.state()[0], len(place.asked), len(place.logged)) == (state, 1, 1)


def test_the_next_generation_is_asked_again(place: Place) -> None:
    place.run(Answer(404, b""))
    place.collector._thread = threading.current_thread()  # none is started
    place.collector.follow(place.generation(2))
    assert place.state() == ("collecting", 0, 0)


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(200, body) for body in (b"", b"{}", b"null", b"[" * 100_000, b"\xff", b'"x"')),
        *(Answer(500, b""), NoAnswer("refused"), bounded_get.TooLarge("too large")),
    ],
)
def test_nonsense_is_said_once_and_asked_for_less_often(place: Place, answer: Answer | Exception) -> None:
    waits = [place.run(answer) for _ in range(8)]
    assert (waits[0], waits[-1], len(place.logged), place.state()[0]) == (2, 60, 1, "failing")
    assert (place.run(records(1)), place.state()) == (BUSY_SECONDS, ("collecting", 1, 0))


def test_records_are_left_where_they_are_while_their_parser_cannot_be_imported(place: Place) -> None:
    place.source = place.source._replace(parse="flowgate.gateway.not_there:parse")
    place.target = place.generation(1)
    place.run(records(2))
    assert (place.asked, place.state()[0]) == ([], "failing")
    place.source = place.source._replace(parse="flowgate.gateway.usage_queue:parse")
    place.target = place.generation(1)
    place.run()
    assert place.requests() == 2


def test_records_of_wrong_types_are_counted_and_the_others_kept(place: Place) -> None:
    rows = [record(), 1, None, [], {}, {"failed": "no"}, {"failed": False, "model": 3}]
    place.run(Answer(200, json.dumps(rows).encode()))
    assert (place.requests(), place.state()) == (1, ("collecting", 1, 6))


def test_records_wait_until_the_ledger_can_be_written(place: Place) -> None:
    place.source.ledger.path.mkdir()
    place.run(records(2))
    place.run(records(5))
    assert (place.state()[0], len(place.asked)) == ("failing", 1)
    place.source.ledger.path.rmdir()
    place.run()
    assert place.requests() == 7


def test_a_damaged_ledger_is_set_aside(place: Place) -> None:
    place.source.ledger.path.write_bytes(b"no ledger" * 1000)
    place.run(records(1))
    place.run()
    assert place.requests() == 1
    assert len(list(place.source.ledger.path.parent.glob("*.damaged-*"))) == 1


def test_a_limit_that_comes_near_is_reported(place: Place) -> None:
    place.run(records(2, response_headers={"X-Codex-Primary-Used-Percent": ["85"]}))
    assert [(rise.reading.used, rise.exhausted) for rise in place.rises] == [(85, False)]


def test_the_key_of_a_program_of_an_earlier_supervisor_is_in_a_file(place: Place) -> None:
    place.source.key_file.write_text("from-file\n")
    place.target = place.generation(1, key="")
    place.run()
    assert place.asked == [("/queue?count=2", {"Authorization": "Bearer from-file", "Accept-Encoding": "identity"})]


def test_nothing_private_reaches_the_ledger(place: Place) -> None:
    place.run(records(3, failed=True, fail={"status_code": 500, "body": "prompt-canary"}, api_key="sk-canary"))
    connection = database.open_to_read(place.source.ledger.path)
    assert connection is not None
    with closing(connection):
        text = "\n".join(connection.iterdump())
    assert "account_requests" in text
    assert not any(one in text for one in ("canary", "203.0.113.9", "agent/1"))


def test_a_source_outlives_the_supervisor(tmp_path: Path) -> None:
    assert usage_source_from_tree(to_usage_source_tree(source(tmp_path))) == source(tmp_path)
    assert usage_source_from_tree(None) is None


def test_a_round_takes_its_time_away_from_the_loop(place: Place) -> None:
    held, asked = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> Answer:
        asked.set()
        held.wait(60)
        return Answer(200, b"[]")

    collector = Collector(place.logged.append, lambda *_: None, hang)
    began = monotonic()
    collector.follow(place.target)
    assert asked.wait(60)
    collector.follow(None)
    assert (collector.status(), monotonic() - began < 50) == ({}, True)
    held.set()


Answering = Callable[..., tuple[str, int]]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Listens, and answers one request with some bytes, again and again if wanted."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(response: bytes, endless: bytes, pause: float) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(4096)
            connection.sendall(response)
            while endless:
                connection.sendall(endless)
                connection.settimeout(pause or None)
                with contextlib.suppress(TimeoutError):
                    connection.recv(1) if pause else None

    def start(response: bytes, endless: bytes = b"", pause: float = 0.0) -> tuple[str, int]:
        threads.append(threading.Thread(target=serve, args=(response, endless, pause)))
        threads[-1].start()
        return "127.0.0.1", listener.getsockname()[1]

    yield start
    for thread in threads:
        thread.join(60)
    listener.close()


def ask(address: tuple[str, int], seconds: float = 30.0) -> Answer:
    return bounded_get.get(address, "/", {}, seconds=seconds, most_bytes=1000)


def test_a_complete_answer_is_returned(answering: Answering) -> None:
    assert ask(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]")) == Answer(200, b"[]")


def test_an_endless_answer_ends_at_the_limit(answering: Answering) -> None:
    with pytest.raises(bounded_get.TooLarge):
        ask(answering(b"HTTP/1.1 200 OK\r\n\r\n", endless=b"x" * 100))


def test_a_trickle_ends_in_time(answering: Answering) -> None:
    began = monotonic()
    with pytest.raises(NoAnswer, match="too long"):
        ask(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n", endless=b"x", pause=0.05), seconds=0.5)
    assert monotonic() - began < 40  # the whole answer would take 45


def test_endless_headers_end_too(answering: Answering) -> None:
    with pytest.raises(NoAnswer):
        ask(answering(b"HTTP/1.1 200 OK\r\n", endless=b"x: y\r\n"))


@pytest.mark.parametrize(
    "response",
    [
        *(b"", b"no http\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n[]"),
        *(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n[", b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_complete_answer_is_an_error(answering: Answering, response: bytes) -> None:
    with pytest.raises(NoAnswer):
        ask(answering(response))

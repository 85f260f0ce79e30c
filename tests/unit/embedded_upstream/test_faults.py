"""Vendors that fail when told to, over real connections."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowgate.embedded_upstream.faults import BadFaults, Fault, read
from flowgate.system import sockets
from flowgate.system.clock import Clock, poll
from tests.unit.embedded_upstream.conftest import KEY, Reply, Start, Upstream, write_config

HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
SOON = 0.4  # seconds in which an answer that comes at all has come


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """One that plays vendors; its log lies beside its config."""
    port = sockets.free_port()
    config = write_config(tmp_path_factory.mktemp("vendors") / "config.yaml", port)
    argv = [sys.executable, "-m", "flowgate.embedded_upstream", "--faults", "-config", str(config)]
    with config.with_name("log").open("w") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, text=True)
    try:
        upstream = Upstream(port, config, process)
        assert poll(upstream.answers, Clock(), every=0.02, timeout=20)
        yield upstream
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def vendors(running: Upstream) -> Upstream:
    """The same, with nothing wrong and nothing asked."""
    assert tell(running, {}).status == 200
    assert running.ask("DELETE", "/embedded/asked", headers=HEADERS).status == 200
    return running


def tell(vendors: Upstream, faults: object) -> Reply:
    return vendors.ask("PUT", "/embedded/faults", headers=HEADERS, body=faults)


def asked(vendors: Upstream) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(vendors.ask("GET", "/embedded/asked", headers=HEADERS).text)["asked"]
    return found


def begin(vendors: Upstream, path: str, stream: bool, model: str = "m") -> http.client.HTTPConnection:
    """Ask, and leave the answer to be read."""
    connection = http.client.HTTPConnection("127.0.0.1", vendors.port, timeout=10)
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hello"}], "input": "hello"}
    connection.request("POST", path, json.dumps(body), HEADERS)
    return connection


def ask(vendors: Upstream, path: str = CHAT, stream: bool = False, model: str = "m") -> tuple[int, str]:
    """Ask and read to the end, or to where it breaks off (then with " …cut" behind it)."""
    connection = begin(vendors, path, stream, model)
    try:
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except http.client.IncompleteRead as broken:
        return answer.status, broken.partial.decode() + " …cut"
    finally:
        connection.close()


def read_on(answer: http.client.HTTPResponse) -> None:
    """Read to the end; no text may come."""
    while not answer.isclosed():
        assert b"This" not in answer.read1()


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize("stream", [False, True])
def test_any_model_is_answered_as_long_as_nothing_is_wrong(vendors: Upstream, path: str, stream: bool) -> None:
    status, text = ask(vendors, path, stream, "gpt-9")
    assert status == 200
    assert "gpt-9" in text
    assert [(one["model"], one["stream"], one["failed"]) for one in asked(vendors)] == [("gpt-9", stream, False)]


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_has_its_status_and_its_pause(vendors: Upstream, path: str, stream: bool) -> None:
    tell(vendors, {"m": {"status": 429, "retry_after": 30}})
    connection = begin(vendors, path, stream)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["retry-after"]) == (429, "30")
    error = json.loads(answer.read())
    connection.close()
    assert error["error"]["type"] == "rate_limit_error"
    assert (error.get("type") == "error") is (path == MESSAGES)
    assert ask(vendors, path, stream, "other")[0] == 200


def test_faults_end(vendors: Upstream) -> None:
    tell(vendors, {"m": {"status": 500}})
    assert ask(vendors)[0] == 500
    tell(vendors, {})
    assert ask(vendors)[0] == 200
    assert [one["failed"] for one in asked(vendors)] == [True, False]


def test_each_third_question_of_a_model_fails(vendors: Upstream) -> None:
    tell(vendors, {"m": {"status": 500, "every": 3}})
    ask(vendors, model="other")
    assert [ask(vendors)[0] for _ in range(7)] == [200, 200, 500, 200, 200, 500, 200]
    tell(vendors, {"m": {"status": 500, "every": 2}})
    assert [ask(vendors)[0] for _ in range(2)] == [200, 500]  # told anew, counted anew


def test_counting_goes_on_while_others_are_told_anew(vendors: Upstream) -> None:
    third = {"m": {"status": 500, "every": 3}}
    tell(vendors, third)
    found = [ask(vendors)[0] for _ in range(2)]
    tell(vendors, {**third, "other": {"status": 429}})
    assert [*found, ask(vendors)[0]] == [200, 200, 500]


@pytest.mark.parametrize(
    "path, last", [(CHAT, "[DONE]"), (MESSAGES, "message_stop"), (RESPONSES, "response.completed")]
)
def test_a_stream_is_cut_after_a_piece(vendors: Upstream, path: str, last: str) -> None:
    assert last in ask(vendors, path, stream=True)[1]
    tell(vendors, {"m": {"cuts": True}})
    status, text = ask(vendors, path, stream=True)
    assert status == 200
    assert text.endswith("…cut")
    assert "This" in text  # the first word of the answer, and no more
    assert "FlowGate" not in text
    assert last not in text


def test_an_answer_in_one_piece_is_cut_in_half(vendors: Upstream) -> None:
    tell(vendors, {"m": {"cuts": True}})
    status, text = ask(vendors)
    assert (status, text.endswith("…cut")) == (200, True)


def test_a_hanging_model_says_nothing_and_holds_nobody_up(vendors: Upstream) -> None:
    log = vendors.config.with_name("log")
    left = log.read_text().count("503 |")
    tell(vendors, {"m": {"hangs": True}})
    connection = begin(vendors, CHAT, stream=False)
    connection.sock.settimeout(SOON)
    with pytest.raises(TimeoutError):
        connection.getresponse()
    assert ask(vendors, model="other")[0] == 200
    connection.close()
    assert [(one["model"], one["failed"]) for one in asked(vendors)] == [("m", True), ("other", False)]
    noticed = poll(lambda: log.read_text().count("503 |") > left, Clock(), every=0.02, timeout=5)
    assert noticed  # that the client left


@pytest.mark.parametrize(
    "path, first", [(CHAT, '"role":"assistant"'), (MESSAGES, "message_start"), (RESPONSES, "created")]
)
def test_a_silent_stream_begins_and_says_nothing(vendors: Upstream, path: str, first: str) -> None:
    tell(vendors, {"m": {"silent": True}})
    connection = begin(vendors, path, stream=True)
    answer = connection.getresponse()
    text = answer.read1().decode()
    assert (answer.status, first in text, "This" in text) == (200, True, False)
    connection.sock.settimeout(SOON)
    with pytest.raises(TimeoutError):
        read_on(answer)
    connection.close()


@pytest.mark.parametrize("stream", [False, True])
def test_a_slow_model_answers_after_its_pause(vendors: Upstream, stream: bool) -> None:
    tell(vendors, {"m": {"slow": 0.3}})
    began = time.monotonic()
    status, text = ask(vendors, stream=stream)
    assert (status, "FlowGate" in text) == (200, True)
    assert 0.3 <= time.monotonic() - began < 5
    assert [one["failed"] for one in asked(vendors)] == [False]


def test_a_stop_ends_whatever_hangs_or_is_silent(running: Upstream, tmp_path: Path) -> None:
    port = sockets.free_port()
    argv = [sys.executable, "-m", "flowgate.embedded_upstream", "--faults", "-config"]
    process = subprocess.Popen([*argv, str(write_config(tmp_path / "c.yaml", port))], stdout=subprocess.DEVNULL)
    try:
        one = Upstream(port, tmp_path, process)  # type: ignore[arg-type]
        assert poll(one.answers, Clock(), every=0.02, timeout=20)
        tell(one, {"m": {"hangs": True}, "n": {"silent": True}, "o": {"slow": 500}})
        waiting = [begin(one, CHAT, stream=True, model=model) for model in ("m", "n", "o")]
        assert poll(lambda: len(asked(one)) == 3, Clock(), every=0.02, timeout=5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        for connection in waiting:
            connection.close()
    finally:
        process.kill()
        process.wait()


def test_questions_are_listed_in_order_with_their_time(vendors: Upstream) -> None:
    began = time.time()
    for model in ("a", "b", "a"):
        ask(vendors, model=model)
    rows = asked(vendors)
    assert [one["model"] for one in rows] == ["a", "b", "a"]
    assert began - 1 <= rows[0]["at"] <= rows[1]["at"] <= rows[2]["at"] <= time.time() + 1


@pytest.mark.parametrize(
    "faults, says",
    [
        ([], "must be a mapping"),
        ({"m": 500}, "m: a fault is a mapping"),
        ({"m": {"stauts": 500}}, "no fault is called 'stauts'"),
        ({"m": {"status": 200}}, "status must be a whole number from 400"),
        ({"m": {"status": True}}, "status must be"),
        ({"m": {"hangs": 1}}, "hangs must be true or false"),
        ({"m": {"status": 500, "hangs": True}}, "one way"),
        ({"m": {"retry_after": 3}}, "goes with a status"),
        ({"m": {"status": 429, "retry_after": -1}}, "not negative"),
        ({"m": {"every": 0}}, "at least 1"),
        ({"m": {"slow": -1}}, "seconds from 0"),
        ({"m": {"refuses": True}}, "nobody who listens"),
    ],
)
def test_bad_faults_are_refused_and_change_nothing(vendors: Upstream, faults: object, says: str) -> None:
    tell(vendors, {"m": {"status": 503}})
    told = tell(vendors, faults)
    assert told.status == 400
    assert says in json.loads(told.text)["error"]
    assert ask(vendors)[0] == 503


def test_what_a_rehearsal_writes_out_in_full_is_understood() -> None:
    bare = {"status": None, "retry_after": None, "hangs": False, "silent": False, "cuts": False, "refuses": False}
    assert read({"m": {**bare, "every": 1}}) == {"m": Fault()}
    with pytest.raises(BadFaults):
        read({"m": {"slow": float("nan")}})


def test_a_key_is_asked_for(vendors: Upstream) -> None:
    assert vendors.ask("PUT", "/embedded/faults", body={}).status == 401
    assert vendors.ask("GET", "/embedded/asked").status == 401


def test_without_the_option_there_are_no_faults(start: Start) -> None:
    plain = start()
    assert tell(plain, {}).status == plain.ask("GET", "/embedded/asked", headers=HEADERS).status == 404
    assert tell(plain, {}).text == plain.ask("PUT", "/embedded/nothing", headers=HEADERS).text

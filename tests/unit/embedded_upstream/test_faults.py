"""Vendors that fail on request, over real connections."""

from __future__ import annotations

import http.client
import json
import signal
import time

import pytest

from flowgate.embedded_upstream.faults import Fault, FaultError, read_faults
from flowgate.system.clock import Clock, poll
from tests.contract.subject import Tree
from tests.unit.embedded_upstream.conftest import WITH_KEY, Reply, Start, Upstream

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
SOON = 0.4  # seconds after which a response that is sent at all has arrived


@pytest.fixture(scope="module")
def running(start: Start) -> Upstream:
    return start("--faults")


@pytest.fixture
def vendors(running: Upstream) -> Upstream:
    """Vendors without faults and without received requests."""
    assert set_faults(running, {}).status == 200
    assert running.request("DELETE", "/embedded/requests").status == 200
    return running


def set_faults(vendors: Upstream, faults: object) -> Reply:
    return vendors.request("PUT", "/embedded/faults", body=faults)


def received(vendors: Upstream) -> list[Tree]:
    found: list[Tree] = json.loads(vendors.request("GET", "/embedded/requests").text)["requests"]
    return found


def send(vendors: Upstream, path: str = CHAT, stream: bool = False, model: str = "m") -> http.client.HTTPConnection:
    """Send a request and do not wait for the response."""
    connection = http.client.HTTPConnection("127.0.0.1", vendors.port, timeout=60)
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hello"}], "input": "hello"}
    connection.request("POST", path, json.dumps(body), WITH_KEY)
    return connection


def ask(vendors: Upstream, path: str = CHAT, stream: bool = False, model: str = "m") -> tuple[int, str]:
    """Send a request and read the response; the text of a broken one ends with " …cut"."""
    connection = send(vendors, path, stream, model)
    try:
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    except http.client.IncompleteRead as broken:
        return reply.status, broken.partial.decode() + " …cut"
    finally:
        connection.close()


def statuses(vendors: Upstream, count: int) -> list[int]:
    return [ask(vendors)[0] for _ in range(count)]


def read_without_text(reply: http.client.HTTPResponse) -> None:
    """Read to the end; no text of the answer may arrive."""
    while not reply.isclosed():
        assert b"This" not in reply.read1()


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize("stream", [False, True])
def test_without_faults_any_model_is_answered(vendors: Upstream, path: str, stream: bool) -> None:
    status, text = ask(vendors, path, stream, "gpt-9")
    assert status == 200
    assert "gpt-9" in text
    assert [(one["model"], one["stream"], one["failed"]) for one in received(vendors)] == [("gpt-9", stream, False)]


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_has_the_status_and_the_retry_after_of_the_fault(vendors: Upstream, path: str, stream: bool) -> None:
    set_faults(vendors, {"m": {"status": 429, "retry_after": 30}})
    connection = send(vendors, path, stream)
    reply = connection.getresponse()
    assert (reply.status, reply.headers["retry-after"]) == (429, "30")
    error = json.loads(reply.read())
    connection.close()
    assert error["error"]["type"] == "rate_limit_error"
    assert (error.get("type") == "error") is (path == MESSAGES)
    assert ask(vendors, path, stream, "other")[0] == 200


def test_faults_that_are_no_longer_set_have_ended(vendors: Upstream) -> None:
    set_faults(vendors, {"m": {"status": 500}})
    assert ask(vendors)[0] == 500
    set_faults(vendors, {})
    assert ask(vendors)[0] == 200
    assert [one["failed"] for one in received(vendors)] == [True, False]


def test_each_third_request_of_a_model_fails(vendors: Upstream) -> None:
    set_faults(vendors, {"m": {"status": 500, "every": 3}})
    ask(vendors, model="other")
    assert statuses(vendors, 7) == [200, 200, 500, 200, 200, 500, 200]
    set_faults(vendors, {"m": {"status": 500, "every": 2}})
    assert statuses(vendors, 2) == [200, 500]  # a changed fault counts from 1


def test_the_count_of_an_unchanged_fault_continues(vendors: Upstream) -> None:
    third = {"m": {"status": 500, "every": 3}}
    set_faults(vendors, third)
    before = statuses(vendors, 2)
    set_faults(vendors, {**third, "other": {"status": 429}})
    assert before + statuses(vendors, 1) == [200, 200, 500]


@pytest.mark.parametrize(
    "path, last", [(CHAT, "[DONE]"), (MESSAGES, "message_stop"), (RESPONSES, "response.completed")]
)
def test_a_stream_is_cut_after_the_first_piece_of_text(vendors: Upstream, path: str, last: str) -> None:
    assert last in ask(vendors, path, stream=True)[1]
    set_faults(vendors, {"m": {"cuts": True}})
    status, text = ask(vendors, path, stream=True)
    assert (status, text.endswith("…cut")) == (200, True)
    assert "This" in text  # the first word of the answer
    assert "FlowGate" not in text
    assert last not in text


def test_a_response_that_is_no_stream_is_cut_in_half(vendors: Upstream) -> None:
    set_faults(vendors, {"m": {"cuts": True}})
    status, text = ask(vendors)
    assert (status, text.endswith("…cut")) == (200, True)


def test_a_model_that_hangs_sends_nothing_and_does_not_block_others(vendors: Upstream) -> None:
    ended = vendors.log.count("503 |")
    set_faults(vendors, {"m": {"hangs": True}})
    connection = send(vendors)
    connection.sock.settimeout(SOON)
    with pytest.raises(TimeoutError):
        connection.getresponse()
    assert ask(vendors, model="other")[0] == 200
    connection.close()
    assert [(one["model"], one["failed"]) for one in received(vendors)] == [("m", True), ("other", False)]
    assert poll(lambda: vendors.log.count("503 |") > ended, Clock(), every=0.02, timeout=60)  # after the disconnect


@pytest.mark.parametrize(
    "path, first", [(CHAT, '"role":"assistant"'), (MESSAGES, "message_start"), (RESPONSES, "created")]
)
def test_a_silent_stream_begins_and_sends_no_text(vendors: Upstream, path: str, first: str) -> None:
    set_faults(vendors, {"m": {"silent": True}})
    connection = send(vendors, path, stream=True)
    reply = connection.getresponse()
    text = reply.read1().decode()
    assert (reply.status, first in text, "This" in text) == (200, True, False)
    connection.sock.settimeout(SOON)
    with pytest.raises(TimeoutError):
        read_without_text(reply)
    connection.close()


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
def test_a_mute_stream_has_headers_and_no_body(vendors: Upstream, path: str) -> None:
    set_faults(vendors, {"m": {"mute": True}})
    connection = send(vendors, path, stream=True)
    reply = connection.getresponse()
    assert reply.status == 200
    connection.sock.settimeout(SOON)
    with pytest.raises(TimeoutError):
        reply.read1()
    connection.close()


@pytest.mark.parametrize("stream", [False, True])
def test_a_slow_model_answers_after_its_delay(vendors: Upstream, stream: bool) -> None:
    set_faults(vendors, {"m": {"slow": 0.3}})
    began = time.monotonic()
    status, text = ask(vendors, stream=stream)
    assert (status, "FlowGate" in text) == (200, True)
    assert 0.3 <= time.monotonic() - began < 60
    assert [one["failed"] for one in received(vendors)] == [False]


def test_a_stop_ends_requests_that_hang_are_silent_or_slow(start: Start) -> None:
    vendors = start("--faults")
    set_faults(vendors, {"m": {"hangs": True}, "n": {"silent": True}, "o": {"slow": 600}})
    waiting = [send(vendors, stream=True, model=model) for model in ("m", "n", "o")]
    assert poll(lambda: len(received(vendors)) == 3, Clock(), every=0.02, timeout=60)
    vendors.process.send_signal(signal.SIGTERM)
    assert vendors.process.wait(60) == 0
    for connection in waiting:
        connection.close()


def test_received_requests_are_listed_in_order_with_their_time(vendors: Upstream) -> None:
    began = time.time()
    for model in ("a", "b", "a"):
        ask(vendors, model=model)
    rows = received(vendors)
    assert [one["model"] for one in rows] == ["a", "b", "a"]
    assert began - 1 <= rows[0]["at"] <= rows[1]["at"] <= rows[2]["at"] <= time.time() + 1


@pytest.mark.parametrize(
    "faults, message",
    [
        ([], "must be an object"),
        ({"m": 500}, "m: a fault is an object"),
        ({"m": {"stauts": 500}}, "no fault is called 'stauts'"),
        ({"m": {"status": 200}}, "status must be an integer from 400 to 599"),
        ({"m": {"status": True}}, "status must be"),
        ({"m": {"hangs": 1}}, "hangs must be true or false"),
        ({"m": {"status": 500, "hangs": True}}, "exclude each other"),
        ({"m": {"retry_after": 3}}, "needs a status"),
        ({"m": {"status": 429, "retry_after": -1}}, "an integer of at least 0"),
        ({"m": {"every": 0}}, "at least 1"),
        ({"m": {"slow": -1}}, "seconds from 0"),
    ],
)
def test_invalid_faults_are_an_error_and_change_nothing(vendors: Upstream, faults: object, message: str) -> None:
    set_faults(vendors, {"m": {"status": 503}})
    reply = set_faults(vendors, faults)
    assert reply.status == 400
    assert message in json.loads(reply.text)["error"]
    assert ask(vendors)[0] == 503


def test_the_values_of_a_fault_without_effect_are_accepted() -> None:
    default = {"status": None, "retry_after": None, "hangs": False, "silent": False, "cuts": False, "every": 1}
    assert read_faults({"m": {**default}}) == {"m": Fault()}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_endless_delay_is_an_error(value: float) -> None:
    with pytest.raises(FaultError):
        read_faults({"m": {"slow": value}})


def test_the_routes_for_faults_need_a_key(vendors: Upstream) -> None:
    assert vendors.request("PUT", "/embedded/faults", headers={}, body={}).status == 401
    assert vendors.request("GET", "/embedded/requests", headers={}).status == 401


def test_without_the_flag_the_routes_for_faults_do_not_exist(start: Start) -> None:
    plain = start()
    assert set_faults(plain, {}).status == plain.request("GET", "/embedded/requests").status == 404
    assert set_faults(plain, {}).text == plain.request("PUT", "/embedded/nothing").text

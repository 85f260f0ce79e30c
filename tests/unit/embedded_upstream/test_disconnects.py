"""A client that disconnects ends the request that was forwarded for it, so that nothing delays a stop."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from flowgate.system.clock import Clock, poll
from tests.unit.embedded_upstream.conftest import WITH_KEY, Start, Upstream


@dataclass(frozen=True)
class Pair:
    """An upstream, and the vendor that it forwards requests to."""

    upstream: Upstream
    vendor: Upstream


@pytest.fixture
def pair(start: Start) -> Iterator[Pair]:
    vendor = start("--faults", api_keys=[])
    keys, models = [{"api-key": "k"}], [{"name": "m", "alias": "m"}]
    base_url = f"http://127.0.0.1:{vendor.port}/v1"
    entry = {"name": "v", "base-url": base_url, "api-key-entries": keys, "models": models}
    upstream = start(openai_compatibility=[entry])
    yield Pair(upstream, vendor)
    for one in (upstream, vendor):
        one.process.kill()


def send(pair: Pair, stream: bool) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", pair.upstream.port, timeout=60)
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), WITH_KEY)
    return connection


def in_progress(pair: Pair) -> int:
    """Count the requests that the vendor has received and not ended."""
    received = len(json.loads(pair.vendor.request("GET", "/embedded/requests").text)["requests"])
    return received - pair.vendor.log.count("| POST ")


def until(pair: Pair, count: int) -> None:
    assert poll(lambda: in_progress(pair) == count, Clock(), every=0.02, timeout=60)


@pytest.mark.parametrize("fault", ["hangs", "silent"])
def test_a_disconnect_ends_the_forwarded_request_and_a_stop_is_not_delayed(pair: Pair, fault: str) -> None:
    pair.vendor.request("PUT", "/embedded/faults", body={"m": {fault: True}})
    waiting = [send(pair, stream=True) for _ in range(2)]
    until(pair, 2)
    for one in waiting:
        one.close()
    until(pair, 0)
    pair.upstream.process.send_signal(signal.SIGTERM)
    assert pair.upstream.process.wait(60) == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_stays_gets_a_response(pair: Pair, stream: bool) -> None:
    pair.vendor.request("PUT", "/embedded/faults", body={"m": {"slow": 0.3}})
    connection = send(pair, stream)
    reply = connection.getresponse()
    assert (reply.status, b"FlowGate" in reply.read()) == (200, True)
    connection.close()

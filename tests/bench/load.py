"""Clients with a steady request rate: with kept connections, with new connections, and with long streams.

A failure is anything that a client notices: a status other than 200, a refused or cut connection, an incomplete stream.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import urllib3

KINDS = ("kept", "fresh", "stream")
EVERY_SECONDS = 0.5
STREAM_SECONDS = 3
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """One request of a client.

    Attributes:
        kind: One of KINDS.
        at: Seconds since the start of the load.
        seconds: Its duration.
        generation: The generation that served it.
        failure: Empty if the response was complete.
    """

    kind: str
    at: float
    seconds: float
    generation: str
    failure: str = ""


@dataclass
class Load:
    """Clients of one gateway."""

    port: int
    key: str
    clients: int
    requests: list[ClientRequest] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    started: float = 0.0

    @contextmanager
    def running(self) -> Iterator[Load]:
        """Send requests while the body runs; each client then finishes its last request."""
        self.started = time.perf_counter()
        threads = [threading.Thread(target=self._client, args=(n,), daemon=True) for n in range(self.clients)]
        for thread in threads:
            thread.start()
            time.sleep(EVERY_SECONDS / self.clients)  # spread the clients over the interval
        try:
            yield self
        finally:
            self.stopped.set()
            for thread in threads:
                thread.join(TIMEOUT_SECONDS)

    def now(self) -> float:
        """Return the seconds since the start."""
        return time.perf_counter() - self.started

    def _client(self, number: int) -> None:
        kind = KINDS[number % len(KINDS)]
        count = number
        pool = self._pool()
        while not self.stopped.is_set():
            if kind == "fresh":
                pool.close()
                pool = self._pool()
            count += 1
            self.requests.append(self._request(pool, kind, count))
            self.stopped.wait(EVERY_SECONDS)
        pool.close()

    def _pool(self) -> urllib3.HTTPConnectionPool:
        timeout = urllib3.Timeout(TIMEOUT_SECONDS)
        return urllib3.HTTPConnectionPool("127.0.0.1", self.port, maxsize=1, retries=False, timeout=timeout)

    def _request(self, pool: urllib3.HTTPConnectionPool, kind: str, count: int) -> ClientRequest:
        started = time.perf_counter()
        generation, failure = "", ""
        try:
            generation, failure = self._send(pool, kind, count)
        except urllib3.exceptions.HTTPError as error:
            failure = _failure(error)
        return ClientRequest(kind, started - self.started, time.perf_counter() - started, generation, failure)

    def _send(self, pool: urllib3.HTTPConnectionPool, kind: str, count: int) -> tuple[str, str]:
        messages = kind == "fresh" and count % 2 == 0
        path = "/v1/messages" if messages else "/v1/chat/completions"
        text = f"hello (take {STREAM_SECONDS} s)" if kind == "stream" else "hello"
        body = {"model": "router-default", "max_tokens": 50, "messages": [{"role": "user", "content": text}]}
        body |= {"stream": True} if kind == "stream" else {}
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        response = pool.urlopen("POST", path, body=json.dumps(body), headers=headers, preload_content=False)
        text = response.read().decode(errors="replace")
        response.release_conn()
        complete = "data: [DONE]" in text if kind == "stream" else text.rstrip().endswith("}")
        failure = f"status {response.status}" if response.status != 200 else "" if complete else "cut"
        return str(response.headers.get("x-flowgate-generation", "")), failure


def _failure(error: urllib3.exceptions.HTTPError) -> str:
    """Return what a client notices: "refused", "cut" or "late"."""
    text = f"{type(error).__name__} {error}"
    if "refused" in text.lower():
        return "refused"
    return "late" if "Timeout" in text else "cut"


def percentile(values: list[float], share: float) -> float:
    """Return a percentile; 0 if there are no values."""
    found = sorted(values)
    return found[min(len(found) - 1, int(len(found) * share))] if found else 0.0


def latencies(requests: list[ClientRequest], chosen: Callable[[ClientRequest], bool]) -> list[float]:
    """Return the durations of chosen successful requests, without streams."""
    return [one.seconds for one in requests if one.kind != "stream" and not one.failure and chosen(one)]

"""Clients at a steady rate: kept-alive ones, ones that connect anew each time, and ones with long streams.

A failure is whatever a client would notice: no 200, a refused or cut connection, a stream without its end.
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
    """One question. at: seconds since the load began; failure: empty when it was answered whole"""

    kind: str
    at: float
    seconds: float
    generation: str
    failure: str = ""


@dataclass
class Load:
    """A number of clients of one gateway."""

    port: int
    key: str
    clients: int
    requests: list[ClientRequest] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    began: float = 0.0

    @contextmanager
    def running(self) -> Iterator[Load]:
        """Let the clients ask until the body has ended; each then ends its last question."""
        self.began = time.perf_counter()
        threads = [threading.Thread(target=self._client, args=(n,), daemon=True) for n in range(self.clients)]
        for thread in threads:
            thread.start()
            time.sleep(EVERY_SECONDS / self.clients)  # not all at once
        try:
            yield self
        finally:
            self.over.set()
            for thread in threads:
                thread.join(TIMEOUT_SECONDS)

    def now(self) -> float:
        """Say how long the load has run."""
        return time.perf_counter() - self.began

    def _client(self, number: int) -> None:
        kind = KINDS[number % len(KINDS)]
        count = number
        pool = self._pool()
        while not self.over.is_set():
            if kind == "fresh":
                pool.close()
                pool = self._pool()
            count += 1
            self.requests.append(self._ask(pool, kind, count))
            self.over.wait(EVERY_SECONDS)
        pool.close()

    def _pool(self) -> urllib3.HTTPConnectionPool:
        timeout = urllib3.Timeout(TIMEOUT_SECONDS)
        return urllib3.HTTPConnectionPool("127.0.0.1", self.port, maxsize=1, retries=False, timeout=timeout)

    def _ask(self, pool: urllib3.HTTPConnectionPool, kind: str, count: int) -> ClientRequest:
        began = time.perf_counter()
        generation, failure = "", ""
        try:
            generation, failure = self._answered(pool, kind, count)
        except urllib3.exceptions.HTTPError as fault:
            failure = _named(fault)
        return ClientRequest(kind, began - self.began, time.perf_counter() - began, generation, failure)

    def _answered(self, pool: urllib3.HTTPConnectionPool, kind: str, count: int) -> tuple[str, str]:
        messages = kind == "fresh" and count % 2 == 0
        path = "/v1/messages" if messages else "/v1/chat/completions"
        text = f"hello (take {STREAM_SECONDS} s)" if kind == "stream" else "hello"
        body = {"model": "router-default", "max_tokens": 50, "messages": [{"role": "user", "content": text}]}
        body |= {"stream": True} if kind == "stream" else {}
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        answer = pool.urlopen("POST", path, body=json.dumps(body), headers=headers, preload_content=False)
        text = answer.read().decode(errors="replace")
        answer.release_conn()
        whole = "data: [DONE]" in text if kind == "stream" else text.rstrip().endswith("}")
        failure = f"status {answer.status}" if answer.status != 200 else "" if whole else "cut"
        return str(answer.headers.get("x-flowgate-generation", "")), failure


def _named(fault: urllib3.exceptions.HTTPError) -> str:
    """Name a failure as a client would: refused, cut or late."""
    text = f"{type(fault).__name__} {fault}"
    if "refused" in text.lower():
        return "refused"
    return "late" if "Timeout" in text else "cut"


def percentile(values: list[float], share: float) -> float:
    """Give the value below which that share of all values lies; 0 for none."""
    found = sorted(values)
    return found[min(len(found) - 1, int(len(found) * share))] if found else 0.0


def latencies(requests: list[ClientRequest], chosen: Callable[[ClientRequest], bool]) -> list[float]:
    """Give the seconds of answered questions that are no streams."""
    return [one.seconds for one in requests if one.kind != "stream" and not one.failure and chosen(one)]

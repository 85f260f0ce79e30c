"""Clients that ask through HAProxy: streams and plain requests, each counted by how it ended."""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import dataclass, field

SECONDS = 2  # that a stream takes
PATIENCE_SECONDS = 60


@dataclass
class Counts:
    """How requests ended.

    Attributes:
        answered: Plain requests with a whole answer.
        streamed: Streams that came to their end.
        failed: Requests without an answer, each with what happened.
        cut: Streams that ended early, each with what happened.
    """

    answered: int = 0
    streamed: int = 0
    failed: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return len(self.failed) + len(self.cut)


class FrontClients:
    """Clients, each one request after another, until the end of a block; two of three ask for streams."""

    def __init__(self, port: int, key: str, count: int) -> None:
        self.counts = Counts()
        self._port, self._key, self._over, self._lock = port, key, threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(count)]

    def __enter__(self) -> Counts:
        for one in self._threads:
            one.start()
        return self.counts

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join()

    def _work(self, number: int) -> None:
        streams = number % 3 > 0
        while not self._over.is_set():
            try:
                ended, why = self._ask(streams)
            except (OSError, http.client.HTTPException, ValueError) as error:
                ended, why = "failed", repr(error)
            with self._lock:
                if ended in ("answered", "streamed"):
                    setattr(self.counts, ended, getattr(self.counts, ended) + 1)
                else:
                    getattr(self.counts, ended).append(why)
            self._over.wait(0.02 if ended == "streamed" else 0.2)

    def _ask(self, streams: bool) -> tuple[str, str]:
        words = f"hello (take {SECONDS} s)" if streams else "hello"
        body = {"model": "router-default", "messages": [{"role": "user", "content": words}], "stream": streams}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_SECONDS)
        try:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            answer = connection.getresponse()
            if answer.status != 200:
                return "failed", f"{answer.status} {answer.read(200)!r}"
            if not streams:
                said = json.loads(answer.read())["choices"][0]["message"]["content"]
                return ("answered", "") if "answering" in said else ("failed", said)
            text = b""
            try:
                while block := answer.read1():
                    text += block
            except (OSError, http.client.HTTPException) as error:
                return "cut", f"after {len(text)} bytes: {error!r}"
            return ("streamed", "") if text.rstrip().endswith(b"data: [DONE]") else ("cut", f"no end: {text[-100:]!r}")
        finally:
            connection.close()

"""A gateway of a few lines with retries, cooldowns and a fallback, in place of the real LiteLLM."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-canary-of-the-gateway"
CLIENT_ERRORS = (400, 413, 422)


@dataclass
class Policy:
    """What the gateway does.

    Attributes:
        models: Name → the vendor models with the ports at which they are asked, in order.
        retries: Further attempts on a model.
        cooldown_after: Failed requests that start a cooldown.
        cooldown_seconds: Its length.
        asked: The models that were asked for.
    """

    models: dict[str, Sequence[tuple[str, int]]]
    retries: int = 1
    cooldown_after: int = 2
    cooldown_seconds: float = 2.0
    asked: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    until: dict[str, float] = field(default_factory=dict)

    def answer(self, body: dict[str, Any]) -> tuple[int, bytes]:
        """Answer a request by the first vendor that can."""
        name = str(body.get("model"))
        self.asked.append(name)
        if name not in self.models or not isinstance(body.get("messages"), list):
            return 400, b'{"error": {"message": "no such model"}}'
        last = (500, b'{"error": {"message": "every model is in cooldown"}}')
        for model, port in self.models[name]:
            if time.monotonic() < self.until.get(model, 0.0):
                continue
            last = self._attempts({**body, "model": model}, model, port)
            if last[0] < 400 or last[0] in CLIENT_ERRORS:
                break
        return last

    def _attempts(self, body: dict[str, Any], model: str, port: int) -> tuple[int, bytes]:
        last = (502, b"{}")
        for _ in range(1 + self.retries):
            last = _ask(port, body)
            if last[0] < 400 or last[0] in CLIENT_ERRORS:
                return last
        self.failures[model] += 1
        if self.failures[model] >= self.cooldown_after:
            self.until[model] = time.monotonic() + self.cooldown_seconds
            self.failures[model] = 0
        return last


def _ask(port: int, body: dict[str, Any]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return 502, b'{"error": {"message": "connection error"}}'
    finally:
        connection.close()


@contextmanager
def serving(policy: Policy) -> Iterator[str]:
    """Serve a policy; yield the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(200, json.dumps({"data": [{"id": name} for name in policy.models]}).encode())

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"]))
            try:
                body = json.loads(text)
            except ValueError:
                body = {}
            self._reply(*policy.answer(body) if self.path == "/v1/chat/completions" else (404, b"{}"))

        def _reply(self, status: int, body: bytes) -> None:
            if self.headers["authorization"] != f"Bearer {KEY}":
                status, body = 401, b"{}"
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()

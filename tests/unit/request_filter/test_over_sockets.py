"""Refusals over real connections: a client that still sends its body must get the response."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from flowgate.domain.request_rules import RequestRules
from tests.unit.request_filter.echoing import KEYS, RULES, echoing

LARGE = b"x" * 8_000_000
CASES = {
    "no key": (KEYS, "/v1/messages", {}, 401),
    "not JSON": (RULES, "/v1/messages", {}, 400),
    "another encoding": (RULES, "/v1/messages", {"Content-Encoding": "br"}, 415),
    "damaged": (RULES, "/v1/files", {"Content-Encoding": "gzip"}, 400),
    "an unknown model in a path": (RULES, "/engines/nope/chat/completions", {}, 400),
    "a form": (
        RULES,
        "/openai/deployments/nope/images/edits",
        {"Content-Type": "multipart/form-data; boundary=b"},
        404,
    ),
}


@contextlib.contextmanager
def serving(rules: RequestRules) -> Iterator[int]:
    """Serve the filter and its app on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(echoing(rules), lifespan="off", log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(60)


def post(connection: http.client.HTTPConnection, path: str, content: bytes, headers: dict[str, str]) -> int:
    connection.request("POST", path, content, {"Content-Type": "application/json", **headers})
    response = connection.getresponse()
    response.read()
    return response.status


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_reaches_a_client_that_still_sends(case: str) -> None:
    rules, path, headers, status = CASES[case]
    with serving(rules) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        found = [post(connection, path, content, headers) for content in (LARGE, LARGE, LARGE)]
        assert found == [status] * 3
        connection.close()


def test_a_client_that_asks_first_need_not_send_its_body() -> None:
    with serving(KEYS) as port, socket.create_connection(("127.0.0.1", port), 20) as client:
        head = "POST /v1/messages HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9000000\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 401")

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain import Change, Result
from flowgate.errors import CheckFailed, Unreachable, UsageError
from flowgate.steps.uri import uri
from tests.conftest import free_port

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


@contextmanager
def echo() -> Iterator[str]:
    """Serve a URL that returns the request; `/teapot` returns 418."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            kind, own = self.headers.get("content-type", ""), self.headers.get("x-own", "")
            message = json.dumps({"method": self.command, "body": body, "kind": kind, "own": own}).encode()
            self.send_response(418 if self.path == "/teapot" else 200)
            self.send_header("Content-Type", "text/plain" if self.path == "/text" else "application/json")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(b"not json" if self.path == "/text" else message)

        do_GET = do_POST = do_PUT = do_HEAD = answer  # noqa: N815 - their names there

        def log_message(self, *words: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_get_request_to_loopback_is_sent_even_in_check_mode(stage: Stage) -> None:
    with echo() as url:
        found = uri(stage.context().read_only(), url=f"{url}/x", headers={"X-Own": "a"})
    assert isinstance(found, Result)
    facts: dict[str, Any] = dict(found.facts)
    assert (found.status, facts["status"], facts["json"]["own"]) == ("unchanged", 200, "a")
    assert "content" not in found.facts


@pytest.mark.parametrize(
    "params, kind, sent",
    [
        ({"body": {"a": 1}, "body_format": "json"}, "application/json", '{"a": 1}'),
        ({"body": {"a": "x y"}, "body_format": "form-urlencoded"}, "application/x-www-form-urlencoded", "a=x+y"),
        ({"body": "plain"}, "", "plain"),
        ({}, "", ""),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_is_encoded_in_its_format(
    stage: Stage, method: str, params: dict[str, Any], kind: str, sent: str
) -> None:
    with echo() as url:
        facts = stage.apply(uri, url=url, method=method, **params)[1]
    wanted = {"method": method, "body": sent, "own": ""}
    assert {name: facts["json"][name] for name in wanted} == wanted
    assert kind in facts["json"]["kind"]


def test_other_requests_are_not_sent_while_looking(stage: Stage) -> None:
    found = uri(stage.context().read_only(), url="http://127.0.0.1:9/", method="POST")
    assert isinstance(found, Change)
    assert (found.summary, found.changes) == ("POST 127.0.0.1:9/", False)
    assert isinstance(uri(stage.context().read_only(), url="https://example.invalid/"), Change)


def test_an_unexpected_status_fails_and_keeps_the_response(stage: Stage) -> None:
    with echo() as url:
        with pytest.raises(CheckFailed, match="returned 418, not 200") as caught:
            stage.apply(uri, url=f"{url}/teapot")
        assert (caught.value.facts["status"], bool(caught.value.log)) == (418, True)
        assert stage.apply(uri, url=f"{url}/teapot", status_code=[200, "418"])[0] == "unchanged"


def test_the_response_body_is_returned_on_request(stage: Stage) -> None:
    with echo() as url:
        facts = stage.apply(uri, url=f"{url}/text", return_content=True)[1]
    assert (facts["content"], "json" in facts) == ("not json", False)


def test_a_closed_port_is_unreachable(stage: Stage) -> None:
    with pytest.raises(Unreachable):
        stage.apply(uri, url=f"http://127.0.0.1:{free_port()}/")


@pytest.mark.parametrize(
    "params",
    [
        {"url": "ftp://x"},
        {"url": "http://["},
        {"url": "http://127.0.0.1/", "status_code": "ok"},
        {"url": "http://x/", "body": [1]},
    ],
)
def test_an_invalid_request_is_a_usage_error(stage: Stage, params: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        stage.apply(uri, **params)

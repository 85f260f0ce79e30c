"""`openai-compatibility` with a local vendor that fails on request: what is passed on, and which cooldowns follow.

Source: the same requests to v6.8.16-0
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.contract.conftest import Candidate
from tests.contract.subject import Subject
from tests.contract.tour import Tour

PONG = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}]}
CHUNK = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "pong"}, "finish_reason": None}]}
HEAD = {"id": "u1", "created": 1, "model": "up"}


class Vendor(ThreadingHTTPServer):
    """A vendor on this machine.

    Attributes:
        status: The status of its responses.
        models: The models that were requested.
    """

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.models: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Vendor

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.models.append(body["model"])
        kind, data = "application/json", json.dumps({**HEAD, "object": "chat.completion", **PONG})
        if self.server.status != 200:
            data = json.dumps({"error": {"message": f"vendor says {self.server.status}"}})
        elif body.get("stream"):
            kind = "text/event-stream"
            chunk = json.dumps({**HEAD, "object": "chat.completion.chunk", **CHUNK})
            data = f"data: {chunk}\n\ndata: [DONE]\n\n"
        self.send_response(self.server.status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data.encode())

    def log_message(self, *args: object) -> None:
        return None


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    server = Vendor()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


MODELS = [
    {"name": f"up-{name}", "alias": name} for name in ("m200", "m400", "m403", "m404", "m429", "m500", "m401", "m")
]


def _entry(vendor: Vendor, *keys: str, name: str = "prov", models: Any = MODELS) -> dict[str, Any]:
    where = f"http://127.0.0.1:{vendor.server_port}/v1"
    return {"name": name, "base-url": where, "api-key-entries": [{"api-key": key} for key in keys], "models": models}


def _begin(candidate: Candidate, *entries: dict[str, Any], **more: Any) -> Subject:
    """Start a program and wait until it lists the vendor's models."""
    subject = candidate.begin(openai_compatibility=list(entries), proxy_url="", **more)
    assert Tour(subject).until(lambda: bool(subject.ask("GET", "/v1/models").json()["data"]))
    return subject


@pytest.fixture(scope="module")
def subject(candidate: Candidate, vendor: Vendor) -> Subject:
    gone = Vendor()
    gone.server_close()
    two = _entry(vendor, "k1", "k2", name="two", models=[{"name": "m-two"}])
    nowhere = _entry(gone, "k", name="gone", models=[{"name": "m-gone"}])
    far = {"name": "far", "base-url": "https://192.0.2.1/v1", "models": [{"name": "m-far"}]}
    return _begin(candidate, _entry(vendor, "k"), two, nowhere, far)


def _chat(subject: Subject, model: str, path: str = "/v1/chat/completions", **more: Any) -> Any:
    body = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **more}
    return subject.ask("POST", path, json=body)


def _message(reply: Any) -> str:
    message: str = reply.json()["error"]["message"]
    return message


def _blocked(candidate: Candidate, reply: Any, model: str) -> bool:
    more = f" (providers=prov, model={model})" if candidate.newer else ""
    wanted = (503 if candidate.newer else 500, f"auth_unavailable: no auth available{more}")
    return (reply.status_code, _message(reply)) == wanted


def test_a_request_is_forwarded_with_the_vendors_model_name(subject: Subject, vendor: Vendor) -> None:
    vendor.status = 200
    assert _chat(subject, "m200").json()["choices"] == PONG["choices"]
    assert vendor.models[-1] == "up-m200"


def test_a_stream_is_passed_on(subject: Subject, vendor: Vendor) -> None:
    vendor.status = 200
    lines = _chat(subject, "m200", stream=True).text.split("\n\n")
    assert json.loads(lines[0].removeprefix("data: "))["choices"][0]["delta"]["content"] == "pong"
    assert lines[-2] == "data: [DONE]"


def test_a_request_in_anthropics_format_is_converted(subject: Subject, vendor: Vendor) -> None:
    vendor.status = 200
    assert _chat(subject, "m200", "/v1/messages").json()["content"] == [{"type": "text", "text": "pong"}]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
def test_the_embedded_upstream_refuses_what_it_cannot_convert(
    candidate: Candidate, subject: Subject, vendor: Vendor, path: str
) -> None:
    if candidate.name == "real":
        pytest.skip("the real program converts tools")
    vendor.status, calls = 200, len(vendor.models)
    tool = {"name": "read", "type": "function", "input_schema": {"type": "object"}}
    reply = _chat(subject, "m200", path, input="hi", tools=[tool])
    assert reply.status_code == 400
    assert "forwards tools to openai-compatibility over /v1/chat/completions alone" in _message(reply)
    assert len(vendor.models) == calls
    assert _chat(subject, "m200").status_code == 200


def test_models_are_listed_with_the_entry_as_owner(subject: Subject) -> None:
    listed = {one["id"]: one["owned_by"] for one in subject.ask("GET", "/v1/models").json()["data"]}
    assert listed["m200"] == "prov"


def test_a_bad_request_starts_no_cooldown(subject: Subject, vendor: Vendor) -> None:
    vendor.status = 400
    assert [_chat(subject, "m400").json() for _ in range(2)] == [{"error": {"message": "vendor says 400"}}] * 2


@pytest.mark.parametrize("code", [500, 401, 403, 404])
def test_the_first_failure_starts_a_cooldown(candidate: Candidate, subject: Subject, vendor: Vendor, code: int) -> None:
    vendor.status, model = code, f"m{code}"
    first = _chat(subject, model)
    assert (first.status_code, _message(first)) == (code, f"vendor says {code}")
    vendor.status, calls = 200, len(vendor.models)
    assert _blocked(candidate, _chat(subject, model), model)
    assert len(vendor.models) == calls


def test_each_429_doubles_the_cooldown(candidate: Candidate, subject: Subject, vendor: Vendor) -> None:
    vendor.status = 429
    assert _message(_chat(subject, "m429")) == "vendor says 429"
    cooling = _chat(subject, "m429")
    assert (cooling.status_code, cooling.json()["error"]["code"]) == (429, "model_cooldown")
    assert cooling.headers.get("Retry-After") == (None if candidate.newer else "1")
    assert Tour(subject).until(lambda: _message(_chat(subject, "m429")) == "vendor says 429")
    assert _chat(subject, "m429").json()["error"]["reset_seconds"] == 2


def test_after_a_401_the_model_is_not_listed(subject: Subject, vendor: Vendor) -> None:
    vendor.status = 401
    _chat(subject, "m401")
    assert "m401" not in [one["id"] for one in subject.ask("GET", "/v1/models").json()["data"]]


def test_with_cooldowns_disabled_the_next_request_is_sent(candidate: Candidate, vendor: Vendor) -> None:
    subject = _begin(candidate, _entry(vendor, "k"), disable_cooling=True)
    for code in (500, 429, 401):
        vendor.status = code
        assert _chat(subject, f"m{code}").status_code == code
        vendor.status = 200
        reply = _chat(subject, f"m{code}")
        assert reply.status_code == 200 or (
            _blocked(candidate, reply, f"m{code}") and code == 401 and not candidate.newer
        )


def test_a_retry_waits_for_a_cooldown_up_to_the_limit(candidate: Candidate, vendor: Vendor) -> None:
    retry = {"request_retry": 1, "max_retry_interval": 2}
    subject = _begin(candidate, _entry(vendor, "k"), **retry)
    vendor.status, before = 429, len(vendor.models)
    assert _message(_chat(subject, "m")) == "vendor says 429"
    assert len(vendor.models) == before + 2
    vendor.status, before = 500, len(vendor.models)
    assert _message(_chat(subject, "m500")) == "vendor says 500"
    assert len(vendor.models) == before + 1


def test_another_key_is_tried_before_the_failure_is_reported(subject: Subject, vendor: Vendor) -> None:
    vendor.status, before = 500, len(vendor.models)
    assert _message(_chat(subject, "m-two")) == "vendor says 500"
    assert len(vendor.models) == before + 2


def test_an_unreachable_vendor_starts_no_cooldown(subject: Subject) -> None:
    for _ in range(2):
        reply = _chat(subject, "m-gone")
        assert reply.status_code == 500
        assert "connect: connection refused" in _message(reply)


def test_the_embedded_upstream_ignores_an_address_on_another_machine(candidate: Candidate, subject: Subject) -> None:
    if candidate.name == "real":
        pytest.skip("the real program connects to any address")
    assert "m-far" not in [one["id"] for one in subject.ask("GET", "/v1/models").json()["data"]]
    assert "is not on this machine" in (subject.root / "log").read_text()

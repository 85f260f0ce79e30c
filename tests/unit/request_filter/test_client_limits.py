"""Limits of clients: models, requests a minute, requests at once; refused in the client's dialect."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain.client_keys import Limits
from flowgate.request_filter import allowed_list
from flowgate.request_filter.clients import Clients
from flowgate.request_filter.quotas import Quotas
from tests.unit.request_filter.asking import BODY, CHAT, Gateway, gateway
from tests.unit.request_filter.test_client_keys import websocket

if TYPE_CHECKING:
    from starlette.types import Message

FORM = "multipart/form-data; boundary=b"
URLENCODED = "application/x-www-form-urlencoded"


@pytest.fixture
def one(tmp_path: Path) -> Gateway:
    return gateway(tmp_path)


def part(name: str, value: str) -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'


GOOD = part("model", "router-default")


@pytest.mark.parametrize("model", ["router-default", "router-cheap", "router-cheap[1m]"])
@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses", "/v1/messages/count_tokens", "/messages"])
def test_an_allowed_model_is_asked(one: Gateway, model: str, path: str) -> None:
    key = one.add(models=("router-default", "*-cheap"))
    body = {**BODY, "model": model, "input": "x"} if "messages" in path or path == CHAT else {"model": model}
    assert one.ask(key, path, body).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {**BODY, "model": "big"}),
        (CHAT, {**BODY, "model": "router-default,big"}),
        (CHAT, {**BODY, "model": "Router-Default"}),
        (CHAT, {**BODY, "model": "big[1m]"}),
        (CHAT, {**BODY, "model": "router-default", "fallbacks": ["big"]}),
        (CHAT, {**BODY, "model": "router-default", "fallbacks": [{"model": "big"}]}),
        (CHAT, {**BODY, "model": "router-default", "context_window_fallbacks": [{"router-default": ["big"]}]}),
        (CHAT, b'{"model": "router-default", "messages": [], "model": "big"}'),
        (CHAT, {**BODY, "router_settings_override": {"fallbacks": [{"router-default": ["big"]}]}}),
        (CHAT, {**BODY, "prompt_id": "stored"}),
        ("/v1/messages", {**BODY, "tools": [{"type": "advisor_20260301", "name": "advisor", "model": "big"}]}),
        (CHAT, b'{"model": "router-default", "messages": "' + b"x" * 1_100_000 + b'", "model": "big", "a": {}}'),
        (CHAT, {"messages": []}),
        (CHAT, {"model": 5, "messages": []}),
        (CHAT, b""),
        ("/v1/messages", {**BODY, "model": "big"}),
        ("/v1/responses", {"model": "big", "input": "x"}),
        ("/v1/responses", {"prompt": {"id": "stored"}}),
        ("/v1beta/models/big:generateContent", {"contents": []}),
        ("/engines/big/chat/completions", BODY),
        ("/openai/deployments/big/chat/completions", BODY),
        ("/v1/files", {}),
        ("/v1/batches", {"model": "router-default"}),
        ("/anthropic/v1/messages/batches", BODY),
        ("/v1beta/interactions", {"model": "router-default"}),
    ],
    ids=str,
)
def test_what_is_not_allowed_or_not_certain_is_refused(one: Gateway, path: str, body: Any) -> None:
    got = one.ask(one.add(models=("router-default",)), path, body)
    assert got.status == 403
    assert "'codex'" in got.message
    assert one.layer.refusals.rows() == [{"client": "codex", "kind": "forbidden_model", "count": 1}]


def test_a_tool_may_name_an_allowed_model(one: Gateway) -> None:
    tools = [{"name": "advisor", "model": "router-default"}, {"name": "other"}]
    assert one.ask(one.add(models=("router-*",)), "/v1/messages", {**BODY, "tools": tools}).status == 200


def test_the_refusal_names_what_is_allowed_and_explain_gets_it(one: Gateway) -> None:
    got = one.ask(one.add(models=("router-*", "x")), body={**BODY, "model": "big"})
    assert got.message == "the client 'codex' may not ask the model 'big'; it may ask: router-*, x"
    [row] = one.layer.recent.rows()
    assert (row.get("client"), row.get("model")) == ("codex", "big")


@pytest.mark.parametrize(
    ("path", "place", "words"),
    [
        (CHAT, ("error", "type"), "permission_error"),
        ("/v1/messages", ("error", "type"), "permission_error"),
        ("/v1beta/models/big:generateContent", ("error", "status"), "PERMISSION_DENIED"),
    ],
)
def test_the_refusal_of_a_model_has_the_clients_shape(
    one: Gateway, path: str, place: tuple[str, str], words: str
) -> None:
    got = one.ask(one.add(models=("a",)), path, {**BODY, "model": "big"})
    assert (got.status, got.tree[place[0]][place[1]]) == (403, words)


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        (FORM, part("model", "router-default") + part("file", "x") + "--b--", 200),
        (FORM, part("file", "x") + part("model", "router-default") + "--b--", 200),
        (FORM, part("model", "big") + "--b--", 403),
        (FORM, part("model", "router-default") + part("model", "big") + "--b--", 403),
        (FORM, GOOD + part("model", "big").replace('"', ""), 400),
        (FORM, GOOD + part("model", "big").replace('name="model', 'name*0="mo";name*1="del'), 400),
        (FORM, GOOD + part("model", "big").replace('name="model"', "name*=utf-8''mod%65l"), 400),
        (FORM, part("file", "x") + "--b--", 403),
        (URLENCODED, "model=router-default", 200),
        (URLENCODED, "model=router-default&model=big", 403),
    ],
)
def test_every_model_of_a_form_counts(one: Gateway, kind: str, content: str, status: int) -> None:
    key = one.add(models=("router-default",))
    headers = {"authorization": f"Bearer {key}", "content-type": kind}
    assert one.send(headers, "/v1/audio/transcriptions", content.encode()).status == status


def test_a_compressed_body_counts_too(one: Gateway) -> None:
    headers = {"authorization": f"Bearer {one.add(models=('router-default',))}", "content-encoding": "gzip"}
    for model, status in (("router-default", 200), ("big", 403)):
        body = gzip.compress(json.dumps({**BODY, "model": model}).encode())
        assert one.send(headers, body=body).status == status


@pytest.mark.parametrize(("query", "passes"), [(b"model=router-default", True), (b"model=big", False), (b"", False)])
def test_a_websocket_may_name_an_allowed_model_only(one: Gateway, query: bytes, passes: bool) -> None:
    key = one.add(models=("router-default",), max_parallel=1)
    headers = [(b"authorization", f"Bearer {key}".encode())]
    for _ in range(2):  # neither is counted as in progress afterwards
        assert isinstance(websocket(one, headers, query_string=query), dict) is passes


def test_the_list_of_models_shows_the_allowed_ones(one: Gateway) -> None:
    key = one.add(models=("router-*",))
    got = one.ask(key, "/v1/models", method="GET")
    assert [entry["id"] for entry in got.tree["data"]] == ["router-default", "router-cheap"]
    assert int(got.headers["content-length"]) == len(json.dumps(got.tree))
    assert len(one.ask(one.add("all"), "/v1/models", method="GET").tree["data"]) == 3


@pytest.mark.parametrize(
    ("listed", "shown"),
    [
        ({"models": [{"name": "models/a"}, {"name": "models/b"}]}, {"models": [{"name": "models/a"}]}),
        (
            {"data": [{"id": "b"}, {"id": "a"}], "first_id": "b", "last_id": "a", "has_more": False},
            {"data": [{"id": "a"}], "first_id": "a", "last_id": "a", "has_more": False},
        ),
        ({"data": [{"id": "b"}, "a", {"name": "a"}]}, {"data": []}),
        ({"other": 1}, {"object": "list", "data": []}),
        ([], {"object": "list", "data": []}),
    ],
    ids=str,
)
def test_every_dialects_list_is_shortened(one: Gateway, listed: object, shown: object) -> None:
    key = one.add(models=("a",))
    clients = Clients(str(one.keys.path))
    import hashlib

    client = clients.find(hashlib.sha256(key.encode()).digest())
    assert client is not None
    assert json.loads(allowed_list.without_others(json.dumps(listed).encode(), client)) == shown


def test_a_described_model_must_be_allowed(one: Gateway) -> None:
    key = one.add(models=("a",))
    assert [one.ask(key, f"/v1/models/{name}", method="GET").status for name in "ab"] == [200, 403]


def test_too_many_requests_a_minute_wait(one: Gateway) -> None:
    key = one.add(requests_per_minute=3)
    assert [one.ask(key).status for _ in range(5)] == [200, 200, 200, 429, 429]
    got = one.ask(key, "/v1/messages")
    assert got.tree["error"]["type"] == "rate_limit_error"
    assert 0 < int(got.headers["retry-after"]) <= 60
    assert one.layer.recent.rows()[-1].get("count") == 3


def test_one_clients_limit_is_not_anothers(one: Gateway) -> None:
    first, second = one.add("a", requests_per_minute=1), one.add("b", requests_per_minute=1)
    assert [one.ask(key).status for key in (first, first, second)] == [200, 429, 200]


def test_new_limits_are_in_force_at_once(one: Gateway) -> None:
    key = one.add()
    assert [one.ask(key).status for _ in range(2)] == [200, 200]
    one.keys.set_limits("codex", Limits(models=("other",)))
    assert one.ask(key).status == 403


def test_the_minute_slides() -> None:
    now = [100.0]
    quotas, limits = Quotas(lambda: now[0]), Limits(requests_per_minute=2)
    outcomes = []
    for at in (100.0, 130.0, 140.0, 159.5, 160.0, 189.0, 190.0):
        now[0] = at
        outcomes.append(quotas.enter("a", limits))
    wait = [None, None, ("too_many", 20), ("too_many", 1), None, ("too_many", 1), None]
    assert outcomes == wait


def test_requests_at_once_are_limited_and_end_counts(one: Gateway) -> None:
    key = one.add(max_parallel=2)
    going = asyncio.Event()
    statuses: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await going.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def ask() -> None:
        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        headers = [(b"authorization", f"Bearer {key}".encode())]
        scope = {"type": "http", "path": "/v1/models", "method": "GET", "headers": headers, "query_string": b""}
        await one.layer(scope, lambda: asyncio.sleep(0), collect)  # type: ignore[arg-type, return-value]

    async def run() -> None:
        one.layer.app = app
        asked = [asyncio.ensure_future(ask()) for _ in range(3)]
        while not statuses:
            await asyncio.sleep(0)
        going.set()
        await asyncio.gather(*asked)
        await ask()

    asyncio.run(run())
    assert statuses == [429, 200, 200, 200]


@pytest.mark.parametrize(
    ("model", "status"),
    [("claude-haiku-4-5", 200), ("claude-haiku-4-5[1m]", 200), ("claude-opus-4-8", 403), ("router-cheap", 200)],
)
def test_a_client_may_use_a_name_that_leads_to_an_allowed_model(one: Gateway, model: str, status: int) -> None:
    patterns = (("claude-*haiku*", "router-cheap"), ("claude-*", "router-default"))
    layer = one.worker(models=("router-default", "router-cheap"), any_model=False, renamed_patterns=patterns)
    key = one.add(models=("router-cheap",))
    assert one.ask(key, "/v1/messages", {**BODY, "model": model}, layer=layer).status == status

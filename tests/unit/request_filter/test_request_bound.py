"""The bound on the requests in progress: an orderly 503 above it, for those alone that ask a model."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flowgate.domain.request_limits import AUTO, LEAST, PER_WORKER, RequestLimit, request_limit
from flowgate.request_filter import request_bound
from flowgate.request_filter.filter import RequestFilter
from flowgate.request_filter.rules import FilterRules

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

RULES = FilterRules(generation="7", public_port=4000)
GIB = 2**30
CHAT, MESSAGES, GOOGLE = "/v1/chat/completions", "/v1/messages", "/v1beta/models/g:generateContent"


class Gateway:
    """A filter with two places, around an app that responds once it is told to."""

    def __init__(self, most: int = 2) -> None:
        self.finish = asyncio.Event()
        self.asked = 0
        self.layer = RequestFilter(self.app, RULES)
        self.layer.bound.limit = RequestLimit(most, 1000, "")

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        if scope["method"] == "POST":
            await self.finish.wait()
        await send({"type": "http.response.body", "body": b"b"})

    async def ask(
        self, path: str = CHAT, method: str = "POST", port: int = 4000
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": b'{"model": "m"}'}

        about = {"method": method, "path": path, "headers": [], "server": ("127.0.0.1", port)}
        await self.layer({"type": "http", **about}, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), b"".join(one.get("body", b"") for one in sent)

    async def full(self) -> list[asyncio.Task[tuple[int, dict[bytes, bytes], bytes]]]:
        """Take both places with streams that do not end."""
        found = [asyncio.create_task(self.ask()) for _ in range(2)]
        while self.asked < 2:
            await asyncio.sleep(0)
        return found


@pytest.mark.parametrize(
    ("path", "words"),
    [(CHAT, ["error", "code"]), (MESSAGES, ["error", "type"]), (GOOGLE, ["error", "status"])],
)
def test_a_request_above_the_bound_gets_503_in_its_dialect(path: str, words: list[str]) -> None:
    async def run() -> None:
        gateway = Gateway()
        busy = await gateway.full()
        status, headers, body = await gateway.ask(path)
        assert (status, headers[b"retry-after"], headers[b"x-flowgate-generation"]) == (503, b"1", b"7")
        assert json.loads(body)[words[0]][words[1]] in ("overloaded", "overloaded_error", "UNAVAILABLE")
        assert gateway.asked == 2  # the app knows nothing of it
        gateway.finish.set()
        assert [one[0] for one in await asyncio.gather(*busy)] == [200, 200]

    asyncio.run(run())


def test_a_place_is_free_again_when_a_stream_has_ended() -> None:
    async def run() -> None:
        gateway = Gateway()
        busy = await gateway.full()
        gateway.finish.set()
        await asyncio.gather(*busy)
        assert (await gateway.ask())[0] == 200

    asyncio.run(run())


def test_a_request_that_waits_gets_the_next_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bound, "WAIT_SECONDS", 20.0)

    async def run() -> None:
        gateway = Gateway()
        await gateway.full()
        waiting = asyncio.create_task(gateway.ask())
        await asyncio.sleep(0)
        gateway.finish.set()
        assert (await waiting)[0] == 200

    asyncio.run(run())


def test_a_cancelled_request_gives_its_place_back() -> None:
    async def run() -> None:
        gateway = Gateway()
        for one in await gateway.full():
            one.cancel()
        await asyncio.sleep(0)
        gateway.finish.set()
        assert (await gateway.ask())[0] == 200

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "method", "port"),
    [
        ("/health/readiness", "GET", 4000),
        ("/v1/models", "GET", 4000),
        ("/key/generate", "POST", 4000),
        (CHAT, "POST", 9),
    ],
    ids=["readiness", "list of models", "administration", "private port"],
)
def test_what_asks_no_model_needs_no_place(path: str, method: str, port: int) -> None:
    async def run() -> None:
        gateway = Gateway()
        await gateway.full()
        gateway.finish.set()
        gateway.layer.bound.limit = RequestLimit(0, 0, "")
        assert (await gateway.ask(path, method, port))[0] == 200

    asyncio.run(run())


def test_a_refused_request_is_counted_as_one_and_holds_no_quota() -> None:
    async def run() -> None:
        gateway = Gateway(most=0)
        await gateway.ask()
        [row] = gateway.layer.refusals.rows()
        assert (row["kind"], row["count"], gateway.layer.bound.refused) == ("overloaded", 1, 1)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("given", "files", "memory", "expected"),
    [
        (AUTO, 20_000, 24 * GIB, (2 * PER_WORKER, 6_645)),
        (AUTO, 256, 24 * GIB, (128, 64)),
        (AUTO, 20_000, GIB, (256, 6_645)),
        (AUTO, 10, 0, (2 * LEAST, LEAST)),
        (300, 256, GIB, (300, 64)),
    ],
    ids=["large", "few files", "little memory", "least", "configured"],
)
def test_the_bound_suits_the_machine(given: int, files: int, memory: int, expected: tuple[int, int]) -> None:
    found = request_limit(given, 2, files, memory)
    assert (found.generation, found.worker) == expected


def test_the_rules_are_those_in_force() -> None:
    layer = Gateway().layer
    pass_through = {"type": "http", "method": "POST", "path": "/vendor/x", "server": ("127.0.0.1", 4000)}
    assert not layer.bound.counts(pass_through, RULES)
    rules = replace(RULES, requests=replace(RULES.requests, unchecked_paths=("/vendor/*",)))
    assert layer.bound.counts(pass_through, rules)

"""What the request filter around LiteLLM's app costs each request."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowgate.clients.keys import Keys
from flowgate.domain import budget_state
from flowgate.domain.budget_state import BudgetState, LimitState
from flowgate.domain.budgets import REFUSE
from flowgate.domain.client_keys import Limits
from flowgate.domain.request_rules import RequestRules
from flowgate.gateway import client_paths
from flowgate.request_filter.access import Access
from flowgate.request_filter.clients import Clients
from flowgate.request_filter.filter import RequestFilter
from flowgate.request_filter.quotas import Quotas
from flowgate.request_filter.rules import FilterRules
from tests.bench.measure import Group, Row, alternate

REQUESTS = 5000
HEADERS = [(f"x-litellm-header-{number}".encode(), b"a value of some length") for number in range(20)]


KEY = "sk-a-key-of-the-gateway-with-a-usual-length"
BODY = json.dumps(
    {"model": "router-default", "messages": [{"role": "user", "content": "a line of a prompt. " * 400}], "stream": True}
).encode()
REQUEST_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(BODY)).encode()),
    *((f"x-client-header-{number}".encode(), b"a value") for number in range(8)),
]
CLIENTS = 100
RULES = RequestRules(
    key_source="tests.bench.layer:accepted_keys",
    models=("router-default", "router-cheap"),
    any_model=False,
    refused=dict.fromkeys(("router-default", "router-cheap"), ("embeddings", "moderations")),
)


def accepted_keys() -> tuple[str, ...]:
    """Return the key of the requests."""
    return (KEY,)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as LiteLLM does."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})


async def receive() -> Message:
    """Return the body of a request."""
    return {"type": "http.request", "body": BODY, "more_body": False}


async def send(message: Message) -> None:
    """Take a response."""


def request_scope(headers: Sequence[tuple[bytes, bytes]] = ()) -> Scope:
    """Return the scope of a request; by default, with the gateway's key."""
    return {
        "type": "http",
        "path": "/v1/chat/completions",
        "method": "POST",
        "server": ("127.0.0.1", 1),
        "headers": headers or [*REQUEST_HEADERS, (b"authorization", f"Bearer {KEY}".encode())],
        "query_string": b"",
    }


def _measure(app: ASGIApp, key: str = KEY) -> float:
    """Return the seconds of CPU that one request with a key takes."""
    headers = [*REQUEST_HEADERS, (b"authorization", f"Bearer {key}".encode())]

    async def send_requests() -> float:
        began = time.process_time()
        for _ in range(REQUESTS):
            await app(request_scope(headers), receive, send)
        return (time.process_time() - began) / REQUESTS

    return asyncio.run(send_requests())


def _check(access: Access, quotas: Quotas, keys: Sequence[str]) -> float:
    """Return the seconds of CPU that the check of one key takes, each client in turn."""
    began = time.process_time()
    for number in range(REQUESTS):
        headers = [*REQUEST_HEADERS, (b"authorization", f"Bearer {keys[number % len(keys)]}".encode())]
        scope: Scope = {"type": "http", "path": "/v1/chat/completions", "method": "POST", "headers": headers}
        admission = access.admit(scope)
        if admission.client:
            quotas.leave(admission.client.name)
    return (time.process_time() - began) / REQUESTS


def _clients(folder: Path) -> tuple[RequestRules, list[str]]:
    """Make the clients, and a budget that refuses one of them; return the rules with their files, and the keys."""
    keys = Keys(folder / "client-keys.json", folder / "lock")
    limits = Limits(requests_per_minute=1_000_000, max_parallel=10)
    made = [keys.add(f"client-{number}", limits).reveal() for number in range(CLIENTS)]
    reached = LimitState("client-0", REFUSE, "daily_usd of $1.00", 1.0, time.time() + 86_400, True, time.time())
    (folder / "budgets.json").write_text(budget_state.text(BudgetState({"one.daily_usd": reached})))
    rules = replace(RULES, client_keys=str(keys.path), budgets=str(folder / "budgets.json"))
    return replace(rules, client_paths=client_paths.PATHS, user_header="x-user"), made


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure the app with and without the filter, with the gateway's key and a client's; and the check alone."""
    with tempfile.TemporaryDirectory() as folder:
        rules, keys = _clients(Path(folder))
        time.sleep(0.2)  # a file that has just been written is read again with each request
        filtered = RequestFilter(answer, FilterRules(recorded_headers=("x-litellm-",), requests=rules))
        quotas = Quotas()
        access = Access(rules, Clients(rules.client_keys), quotas)
        own, client, without, check = alternate(
            pairs,
            lambda: _measure(filtered),
            lambda: _measure(filtered, keys[-1]),
            lambda: _measure(answer),
            lambda: _check(access, quotas, keys),
        )
    yield Row("layer", "the request filter, for each request to LiteLLM", (own - without) * 1000, None, 0.1, "ms")
    what = f"the request filter, for a request of one of {CLIENTS} clients"
    yield Row("layer-client", what, (client - without) * 1000, None, 0.1, "ms")
    yield Row("key-check", f"the check of the key of one of {CLIENTS} clients", check * 1000, None, 0.05, "ms")


LAYER = Group(("layer", "layer-client", "key-check"), run)

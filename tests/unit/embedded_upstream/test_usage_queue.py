"""The queue of usage records: each is handed out once, with the fields of the real program."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from flowgate.embedded_upstream.usage import Record, Tokens, Usage
from flowgate.gateway import usage_queue
from tests.unit.embedded_upstream.conftest import KEY, Start, Upstream

MANAGEMENT = {"Authorization": "Bearer management-key"}
QUEUE = "/v0/management/usage-queue"
ACCOUNT = {"type": "codex", "email": "me@example.com", "access_token": "t", "disabled": False}


@pytest.fixture(scope="module")
def recorded(start: Start) -> Upstream:
    """An upstream of line 7.2 that records, with an account."""
    begun = start(
        *("--contract", "7.2"), usage_statistics_enabled=True, remote_management={"secret-key": "management-key"}
    )
    path = "/v0/management/auth-files?name=me.json"
    assert begun.request("POST", path, headers=MANAGEMENT, body=ACCOUNT).status == 200
    return begun


def test_each_record_is_handed_out_once(recorded: Upstream) -> None:
    body = {"model": "gpt-5.4", "messages": [{"role": "user", "content": "hello"}]}
    assert [recorded.post("/v1/chat/completions", body).status for _ in range(3)] == [200] * 3
    pages = [recorded.request("GET", f"{QUEUE}?count=2", headers=MANAGEMENT).text for _ in range(3)]
    assert [len(json.loads(page)) for page in pages] == [2, 1, 0]
    assert KEY not in "".join(pages)
    [one, _] = usage_queue.parse(pages[0].encode(), time.time()).requests
    assert (one.account, one.provider, one.model, one.status) == ("me@example.com", "codex", "gpt-5.4", 200)
    assert (one.prompt_tokens or 0) > 0


@pytest.mark.parametrize("count", ["0", "-1", "x", "1.5", "%D9%A3"])
def test_a_count_has_to_be_positive(recorded: Upstream, count: str) -> None:
    reply = recorded.request("GET", f"{QUEUE}?count={count}", headers=MANAGEMENT)
    assert (reply.status, json.loads(reply.text)) == (400, {"error": "count must be a positive integer"})


def test_a_record_is_forgotten_after_a_minute() -> None:
    usage, now = Usage(), datetime.now(UTC)
    for age in (90, 70, 30):
        usage.add(Record("k", f"m{age}", "me", "1", Tokens(), failed=False, at=now - timedelta(seconds=age)))
    assert [one["model"] for one in usage.pop(10)] == ["m30"]


def test_the_vendors_headers_are_handed_out(recorded: Upstream) -> None:
    wanted = {"status": 429, "headers": {"Retry-After": "1800"}}
    assert recorded.request("PUT", "/embedded/vendor", body=wanted).status == 200
    recorded.post("/v1/chat/completions", {"model": "gpt-5.4", "messages": []})
    answer = recorded.request("GET", f"{QUEUE}?count=9", headers=MANAGEMENT).text.encode()
    [limit] = usage_queue.parse(answer, time.time()).readings
    assert round((limit.resets_at or 0) - limit.observed_at) == 1800

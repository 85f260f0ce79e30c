"""Requests through the real LiteLLM to accounts: who answered how many equals what the vendor counted."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import REAL_LITELLM, Workspace
from tests.live.conftest import Gateway
from tests.live.test_quota import MODEL, PEOPLE, SPENT, all_counted, begin, counts, limits, total, vendor

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live
THREADS, ROUNDS = 4, 25
ACCOUNT = """\
    - model_name: account
      litellm_params:
        model: openai/{model}
        api_base: http://127.0.0.1:{port}/v1
        api_key: os.environ/UPSTREAM_API_KEY
profiles:
"""
MESSAGES = [{"role": "user", "content": "hello"}]
ENDPOINTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/chat/completions", {"messages": MESSAGES}),
    ("/v1/chat/completions", {"messages": MESSAGES, "stream": True}),
    ("/v1/messages", {"messages": MESSAGES, "max_tokens": 20}),
    ("/v1/responses", {"input": "hello"}),
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The real LiteLLM over the embedded upstream of line 7.2, with two accounts."""
    place = Workspace(tmp_path_factory.mktemp("u"))
    try:
        text = ACCOUNT.format(model=MODEL, port=place.upstream_port)
        begin(place, "7.2", ("profiles:\n", text), litellm=REAL_LITELLM)
        yield Gateway(place)
        place.inv("down")
        assert place.nothing_runs()
    finally:
        place.kill_processes()


def load(gateway: Gateway) -> Counter[int]:
    """Send requests to every endpoint from several threads; return how many had which status."""
    found: Counter[int] = Counter()
    key = gateway.key()

    def work() -> None:
        for number in range(ROUNDS):
            path, body = ENDPOINTS[number % len(ENDPOINTS)]
            found[gateway.request(path, {"model": "account", **body}, key=key)[0]] += 1

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_requests_by_account_are_those_that_the_vendor_counted(gateway: Gateway) -> None:
    assert load(gateway) == {200: THREADS * ROUNDS}
    assert all_counted(gateway.workspace)
    found = counts(gateway.workspace)
    assert set(found) == {f"codex {person}" for person in PEOPLE}
    assert total(gateway.workspace) >= THREADS * ROUNDS
    assert max(found.values())[0] - min(found.values())[0] <= THREADS * 4


def test_failures_are_counted_with_the_limit_that_caused_them(gateway: Gateway) -> None:
    vendor(gateway.workspace, 429, {**SPENT, "Retry-After": "1800"})
    assert gateway.chat(gateway.key(), "account")[0] == 429
    vendor(gateway.workspace, 200)
    assert all_counted(gateway.workspace)
    assert sum(failures for _, failures in counts(gateway.workspace).values()) >= 1
    refused = [one for one in limits(gateway.workspace) if one["limit"] == "limit"]
    assert {(one["model"], one["left_percent"]) for one in refused} == {(MODEL, 0)}
    assert "exhausted" in json.dumps(gateway.workspace.inv("events", "--event", "quota_warning", "--json").stdout)

"""The ledger over the real LiteLLM: every endpoint is recorded, counts agree with the vendor's, no content is kept."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.ledger import database
from tests.conftest import contents, wait
from tests.live.test_switch import other_profile, supervisor_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live.conftest import Gateway, Vendor

pytestmark = pytest.mark.live
PROMPT = "canary-prompt-7f3a91"
ROUNDS, PHASE = 4, 850  # ten thousand requests in all
MESSAGES = [{"role": "user", "content": PROMPT}]
ENDPOINTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": MESSAGES}),
    "chat stream": ("/v1/chat/completions", {"messages": MESSAGES, "stream": True}),
    "messages": ("/v1/messages", {"messages": MESSAGES, "max_tokens": 20}),
    "messages stream": ("/v1/messages", {"messages": MESSAGES, "max_tokens": 20, "stream": True}),
    "responses": ("/v1/responses", {"input": PROMPT}),
    "responses stream": ("/v1/responses", {"input": PROMPT, "stream": True}),
    "completions": ("/v1/completions", {"prompt": PROMPT}),
    "no-log": ("/v1/chat/completions", {"messages": MESSAGES, "no-log": True}),
}


def rows(gateway: Gateway, sql: str) -> list[tuple[Any, ...]]:
    connection = database.open_to_read(gateway.workspace.runtime / "ledger.sqlite")
    if connection is None:
        return []
    with closing(connection):
        return connection.execute(sql).fetchall()


def recorded(gateway: Gateway, model: str) -> int:
    sql = f"SELECT count(*) FROM requests WHERE seconds IS NOT NULL AND client != 'flowgate' AND model = '{model}'"  # noqa: S608
    return sum(int(row[0]) for row in rows(gateway, sql))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_is_recorded_with_its_tokens(gateway: Gateway, endpoint: str) -> None:
    path, body = ENDPOINTS[endpoint]
    before = recorded(gateway, "router-cheap")
    assert gateway.request(path, {"model": "router-cheap", **body}, key=gateway.key())[0] == 200
    assert wait(lambda: recorded(gateway, "router-cheap") == before + 1)
    sql = (
        "SELECT path, deployment, provider, status, error, completion_tokens > 0, first_piece <= seconds FROM requests"
    )
    assert wait(lambda: rows(gateway, f"{sql} ORDER BY id DESC LIMIT 1")[0][5] == 1)
    found = rows(gateway, f"{sql} ORDER BY id DESC LIMIT 1")[0]
    assert found == (path, "openai/embedded-cheap", "cliproxyapi_plus", 200, "", 1, 1)


def test_an_attempt_that_failed_is_recorded_as_the_vendor_saw_it(gateway: Gateway, vendor: Vendor) -> None:
    vendor.set_faults({"vendor-model": {"status": 500}})
    vendor.reset()
    before = recorded(gateway, "faulty")
    assert gateway.chat(gateway.key(), "faulty")[0] >= 429
    vendor.set_faults({})
    assert wait(lambda: recorded(gateway, "faulty") == before + 1)
    [(status, error, count)] = rows(
        gateway,
        "SELECT r.status, r.error, (SELECT count(*) FROM attempts WHERE request = r.id AND deployment != '') "
        "FROM requests r WHERE model = 'faulty' ORDER BY id DESC LIMIT 1",
    )
    assert (status >= 429, bool(error), count) == (True, True, len(vendor.requests()))
    gateway.workspace.inv("service.restart", "--service", "litellm")


@pytest.fixture
def client_key(gateway: Gateway) -> Iterator[str]:
    """The key of the client `ledgered`."""
    yield gateway.workspace.inv("client.add", "ledgered").stdout.strip()
    gateway.workspace.inv("client.remove", "ledgered")


def test_requests_are_summed_by_client(gateway: Gateway, client_key: str) -> None:
    assert [gateway.chat(client_key, "router-cheap")[0] for _ in range(3)] == [200, 200, 200]
    assert wait(lambda: ("ledgered", 3) in by_client(gateway))


def by_client(gateway: Gateway) -> list[tuple[str, int]]:
    return [(one["name"], one["requests"]) for one in gateway.workspace.json("usage", "--by", "client")["groups"]]


def test_no_prompt_answer_or_key_is_in_any_file_or_report(gateway: Gateway, client_key: str) -> None:
    key = gateway.key()
    gateway.chat(client_key, "router-cheap")
    for path, body in ENDPOINTS.values():
        gateway.request(path, {"model": "router-cheap", **body}, key=key)
    gateway.request("/v1/chat/completions", {"model": "router-cheap", "messages": PROMPT}, key=key)
    gateway.request("/v1/chat/completions", {"model": "router-cheap", "messages": MESSAGES}, key="sk-canary-wrong-5512")
    secrets = [one.encode() for one in (PROMPT, key, client_key, "sk-canary-wrong-5512", "embedded upstream answering")]
    commands = (
        ("usage", "--json"),
        ("usage", "--by", "day"),
        ("explain", "--last", "50", "--json"),
        ("explain", "--failed"),
        ("audit", "--json"),
    )
    reports = [gateway.workspace.inv(*words).stdout.encode() for words in commands]
    private = ("cliproxyapi.yaml", "litellm-master-key")
    texts = {
        str(path): text
        for path, text in contents(gateway.workspace.folder).items()
        if "/secrets/" not in str(path) and not path.name.startswith(("output-", *private))  # the first are the test's
    }
    assert [(name, one) for name, text in texts.items() for one in secrets if one in text] == []
    assert not any(one in text for text in reports for one in secrets)
    assert any(name.endswith("ledger.sqlite") for name in texts)


class Clients:
    """Clients that ask the vendor's model until they are stopped; each answer's time is noted."""

    def __init__(self, gateway: Gateway, count: int) -> None:
        self.gateway, self.key, self.ended = gateway, gateway.key(), threading.Event()
        self.answers: list[float] = []
        self.failures = 0
        self.threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(count)]
        for one in self.threads:
            one.start()

    def _ask(self) -> None:
        while not self.ended.is_set():
            try:
                status = self.gateway.chat(self.key, "faulty", max_tokens=5)[0]
            except OSError:
                status = 0
            if status == 200:
                self.answers.append(time.monotonic())
            else:
                self.failures += 1

    def more(self, count: int) -> None:
        """Wait until some more were answered."""
        before = len(self.answers)
        assert wait(lambda: len(self.answers) >= before + count, 120.0)

    def stop(self) -> None:
        """Wait until nobody asks any more."""
        self.ended.set()
        for one in self.threads:
            one.join(60)


@pytest.fixture
def clients(gateway: Gateway) -> Iterator[Callable[[int], Clients]]:
    """Starts clients, and ends them."""
    made: list[Clients] = []

    def start(count: int) -> Clients:
        made.append(Clients(gateway, count))
        return made[-1]

    yield start
    for one in made:
        one.stop()


def litellm_pid(gateway: Gateway) -> int:
    generations = supervisor_status(gateway)["services"]["litellm"]["generations"]
    return next(int(one["pid"] or 0) for one in generations if one["phase"] == "serving")


def count_phase(gateway: Gateway, vendor: Vendor, load: Clients) -> tuple[int, int]:
    """End a phase; return how many requests the vendor got more than the ledger has, and how many it got."""
    load.stop()
    time.sleep(1.0)  # nothing to wait for: a kill may have lost what would be waited for
    received = len(vendor.requests())
    vendor.reset()
    return received, recorded(gateway, "faulty")


@pytest.mark.long
def test_counts_agree_with_the_vendor_over_switches_and_kills(
    gateway: Gateway, vendor: Vendor, clients: Callable[[int], Clients]
) -> None:
    vendor.set_faults({})
    vendor.reset()
    seen, total, lost, known = recorded(gateway, "faulty"), 0, 0, len(gateway.workspace.json("usage")["killed"])
    for _ in range(ROUNDS):
        for disturb in (switch, kill_supervisor, kill_generation):
            load = clients(4)
            load.more(PHASE // 2)
            most = disturb(gateway, load)
            load.more(PHASE // 2)
            received, now = count_phase(gateway, vendor, load)
            missing = received - (now - seen)
            assert 0 <= missing <= most, (disturb.__name__, received, now - seen, most)
            seen, total, lost = now, total + received, lost + missing
    told = gateway.workspace.json("usage")["killed"]
    print(f"{total} requests at the vendor, {lost} of them lost by {ROUNDS} kills of a generation")  # noqa: T201
    assert len(told) == known + ROUNDS


def switch(gateway: Gateway, load: Clients) -> int:
    gateway.workspace.inv("profile.set", other_profile(gateway))
    return 0


def kill_supervisor(gateway: Gateway, load: Clients) -> int:
    pid = supervisor_status(gateway)["supervisor"]
    assert pid
    os.kill(pid, signal.SIGKILL)
    load.more(30)
    gateway.workspace.inv("status")  # a new supervisor takes over
    return 0


def kill_generation(gateway: Gateway, load: Clients) -> int:
    """Kill LiteLLM; return how many requests may be lost: those of its last second, and those in progress."""
    os.kill(litellm_pid(gateway), signal.SIGKILL)
    now = time.monotonic()
    return sum(at > now - 1.0 for at in load.answers) + len(load.threads)

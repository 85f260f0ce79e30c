"""What LiteLLM's own router does with a profile, as written and as compiled."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from flowgate.config.overlay import overlay
from flowgate.domain import LiteLLMSettings, UpstreamSettings
from flowgate.gateway.fallback_walk import Fallbacks
from flowgate.gateway.policy import Policy, UpstreamAccounts, compile_profile
from flowgate.gateway.retry_counts import RetryCounts
from flowgate.system import installed, sockets
from tests.conftest import free_port, wait
from tests.unit.gateway.test_fallback_walk import CHAIN, DEEP, MIXED

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "config" / "examples"
COMMON = yaml.safe_load((HERE.parent / "unit" / "gateway" / "common_profiles.yaml").read_text(encoding="utf-8"))
SHIPPED = yaml.safe_load((EXAMPLES / "embedded.yaml").read_text(encoding="utf-8"))
FIRST, SPARE = "embedded-default", "embedded-cheap"
# Short pauses between attempts. LiteLLM reads these variables when it is imported.
QUICK = {"INITIAL_RETRY_DELAY": "0.01", "MAX_RETRY_DELAY": "0.05", "JITTER": "0.001", "LITELLM_MODE": "PRODUCTION"}
DOWN: dict[str, Any] = {"status": 500}


class Vendor(ThreadingHTTPServer):
    """A fake vendor: it answers with the name of the model or fails as configured, and records requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults: dict[str, dict[str, Any]] = {}
        self.requested: list[str] = []

    def handle_error(self, *words: object) -> None:
        """Print nothing: clients that time out close their connections."""


class _Handler(BaseHTTPRequestHandler):
    server: Vendor

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = body["model"]
        self.server.requested.append(model)
        fault = self.server.faults.get(model, {})
        if body.get("stream"):
            self._stream(model, fault)
            return
        time.sleep(fault.get("hangs", 0))
        message = {"role": "assistant", "content": model}
        whole = {"id": "x", "object": "chat.completion", "created": 1, "model": model}
        whole["choices"] = [{"index": 0, "finish_reason": "stop", "message": message}]
        text = json.dumps({"error": {"message": "no such model"}} if "status" in fault else whole).encode()
        self.send_response(fault.get("status", 200))
        for name, value in {"content-type": "application/json", **fault.get("headers", {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _stream(self, model: str, fault: dict[str, Any]) -> None:
        """Send the model's name in two chunks. `first` and `middle` are the seconds of silence before each of them."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        head, tail = model.split("-")
        for text, silence in ((head, "first"), ("-" + tail, "middle")):
            time.sleep(fault.get(silence, 0))
            choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
            piece = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *words: object) -> None:
        """Print nothing."""


@dataclass
class Router:
    """LiteLLM's router in its own process, and the fake vendor that it calls."""

    process: subprocess.Popen[str]
    vendor: Vendor
    base: str = field(init=False)

    def __post_init__(self) -> None:
        self.base = f"http://127.0.0.1:{self.vendor.server_address[1]}/v1"

    def command(self, **command: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        reply: dict[str, Any] = json.loads(self.process.stdout.readline())
        return reply

    def configure(self, tree: LiteLLMSettings, address: str = "") -> None:
        """Create a router with these settings, and clear all faults. It calls the fake vendor, or another address."""
        self.vendor.faults = {}
        models = overlay(tree, {})
        for entry in models["model_list"]:
            entry["litellm_params"] |= {"api_base": address or self.base, "api_key": "k"}
        self.command(settings=models)

    def ask(
        self, times: int = 1, model: str = "router-default", stream: bool = False
    ) -> list[tuple[str | None, int, int]]:
        """Send requests one after another. Return for each: the answering model, attempts on FIRST and on SPARE."""
        found = []
        for _ in range(times):
            self.vendor.requested.clear()
            by = self.command(ask=model, stream=stream)["by"]
            found.append((by, self.vendor.requested.count(FIRST), self.vendor.requested.count(SPARE)))
        return found


@pytest.fixture(scope="module")
def router() -> Iterator[Router]:
    """LiteLLM's router with FlowGate's changes."""
    with running_router() as found:
        yield found


@contextmanager
def running_router(*args: str) -> Iterator[Router]:
    """Run LiteLLM's router in a process of its own, in front of a fake vendor."""
    vendor = Vendor()
    thread = threading.Thread(target=vendor.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    words = [sys.executable, str(HERE / "router_child.py"), *args]
    environment = {"PATH": "/usr/bin:/bin", "LITELLM_LOCAL_MODEL_COST_MAP": "True", **QUICK}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(words, text=True, env=environment, **pipes)
    try:
        yield Router(process, vendor)
    finally:
        process.kill()
        process.communicate()
        vendor.shutdown()
        vendor.server_close()
        thread.join()


def compiled(profile: Any, accounts: int = 1, **router: Any) -> Policy:
    changed = overlay(profile, {"router_settings": router} if router else {})
    return compile_profile(
        SHIPPED["litellm_base"],
        changed,
        UpstreamAccounts({}, {"codex": accounts}, lambda entry: True),
        installed.version("litellm") or "",
    )


def as_written(profile: dict[str, Any]) -> Any:
    return overlay(SHIPPED["litellm_base"], profile)


def test_as_commonly_written_every_request_makes_every_attempt(router: Router) -> None:
    router.configure(as_written(COMMON["reliability"]))
    router.vendor.faults[FIRST] = DOWN
    assert router.ask(4) == [(SPARE, 4, 1)] * 4


def test_the_same_numbers_compiled_start_a_cooldown_at_the_second_failed_request(router: Router) -> None:
    router.configure(compiled(COMMON["reliability"]).litellm)
    router.vendor.faults[FIRST] = DOWN
    assert [first for _, first, _ in router.ask(4)] == [4, 1, 0, 0]


@pytest.mark.parametrize("profile", ["reliability", "balanced"])
def test_a_shipped_profile_limits_attempts_and_applies_its_cooldown_in_an_outage(router: Router, profile: str) -> None:
    policy = compiled(SHIPPED["profiles"][profile])
    router.configure(policy.litellm)
    router.vendor.faults[FIRST] = DOWN
    found = router.ask(6)
    assert {by for by, _, _ in found} == {SPARE}
    assert [first for _, first, _ in found] == [policy.promises.attempts, 1, 0, 0, 0, 0]
    assert sum(first for _, first, _ in found) == policy.promises.attempts_per_minute // (
        60 // int(policy.promises.cooldown_seconds)
    )


@pytest.mark.parametrize("model", ["router-default", "router-cheap"])
@pytest.mark.parametrize("fault", [DOWN, {"status": 429}, {"status": 401}, {"status": 404}, {"hangs": 20.0}])
def test_cost_calls_the_cheap_model_once_and_then_the_other(router: Router, model: str, fault: dict[str, Any]) -> None:
    router.configure(compiled(SHIPPED["profiles"]["cost"], timeout=2.0).litellm)
    assert router.ask(2, model) == [(SPARE, 0, 1)] * 2
    router.vendor.faults[SPARE] = fault
    assert router.ask(3, model) == [(FIRST, 1, 1), (FIRST, 1, 0), (FIRST, 1, 0)]


@pytest.mark.parametrize("fault", [{"status": 429, "headers": {"retry-after": "30"}}, {"hangs": 20.0}, {"status": 401}])
def test_a_failure_without_retries_uses_the_fallback_at_once(router: Router, fault: dict[str, Any]) -> None:
    router.configure(compiled(SHIPPED["profiles"]["reliability"], timeout=2.0).litellm)
    router.vendor.faults[FIRST] = fault
    assert router.ask(4) == [(SPARE, 1, 1), (SPARE, 1, 1), (SPARE, 0, 1), (SPARE, 0, 1)]


def test_allowed_fails_equal_to_the_librarys_default_has_an_effect_only_if_compiled(router: Router) -> None:
    settings = {"num_retries": 1, "allowed_fails": 3, "cooldown_time": 60}
    profile = {"router_settings": {**settings, "fallbacks": [{"router-default": ["router-cheap"]}]}}
    attempts = []
    for tree in (as_written(profile), compiled(profile).litellm):
        router.configure(tree)
        router.vendor.faults[FIRST] = DOWN
        attempts.append([first for _, first, _ in router.ask(6)])
    assert attempts == [[2, 2, 2, 2, 2, 2], [2, 2, 2, 1, 0, 0]]


def test_if_cliproxyapi_plus_applies_cooldowns_litellm_has_no_retries_and_no_cooldowns(router: Router) -> None:
    router.configure(compiled(SHIPPED["profiles"]["reliability"], accounts=2).litellm)
    router.vendor.faults[FIRST] = DOWN
    assert router.ask(4) == [(SPARE, 1, 1)] * 4


def test_the_first_model_serves_again_after_its_cooldown(router: Router) -> None:
    router.configure(compiled(SHIPPED["profiles"]["reliability"], cooldown_time=3).litellm)
    router.vendor.faults[FIRST] = DOWN
    assert router.ask(3)[2] == (SPARE, 0, 1)
    router.vendor.faults = {}
    assert wait(lambda: router.ask() == [(FIRST, 1, 0)])


def test_if_every_model_is_in_cooldown_the_client_gets_an_error_without_any_attempt(router: Router) -> None:
    router.configure(compiled(SHIPPED["profiles"]["balanced"]).litellm)
    router.vendor.faults = {FIRST: DOWN, SPARE: DOWN}
    found = router.ask(6)
    assert {by for by, _, _ in found} == {None}
    assert found[-1] == (None, 0, 0)


def test_a_stream_that_is_silent_from_the_start_uses_the_fallback_and_starts_no_cooldown(router: Router) -> None:
    router.configure(compiled(SHIPPED["profiles"]["reliability"], stream_timeout=2.0).litellm)
    router.vendor.faults[FIRST] = {"first": 20.0}
    assert router.ask(3, stream=True) == [(SPARE, 1, 1)] * 3


def test_a_silent_messages_stream_of_an_anthropic_provider_is_not_retried_either(router: Router) -> None:
    settings = compiled(SHIPPED["profiles"]["reliability"], stream_timeout=2.0).litellm
    for entry in settings["model_list"]:
        entry["litellm_params"]["model"] = entry["litellm_params"]["model"].replace("openai/", "anthropic/")
    router.configure(settings)
    router.vendor.faults[FIRST] = {"first": 20.0}
    router.vendor.requested.clear()
    router.command(messages="router-default")
    assert router.vendor.requested.count(FIRST) == 1


def test_a_stream_that_stops_in_the_middle_is_not_continued_by_another_model(router: Router) -> None:
    router.configure(compiled(SHIPPED["profiles"]["reliability"], stream_timeout=2.0).litellm)
    router.vendor.faults[FIRST] = {"middle": 20.0}
    assert router.ask(2, stream=True) == [("embedded", 1, 0)] * 2


@pytest.mark.parametrize(
    "settings",
    [
        {"fallbacks": [{"router-default": ["router-cheap"]}]},
        {"fallbacks": [{"*": ["router-cheap"]}]},
        {"fallbacks": [], "default_fallbacks": ["router-cheap"]},
        {"fallbacks": [{"router-default": ["router-cheap"]}, {"router-cheap": ["router-default"]}]},
    ],
)
@pytest.mark.parametrize("fault", [DOWN, {"status": 429}, {"status": 401}])
def test_a_fallback_that_answers_never_goes_into_cooldown(
    router: Router, settings: dict[str, Any], fault: dict[str, Any]
) -> None:
    router.configure(compiled(SHIPPED["profiles"]["reliability"], **settings).litellm)
    router.vendor.faults[FIRST] = fault
    assert [by for by, _, _ in router.ask(12)] == [SPARE] * 12


@pytest.mark.parametrize(("status", "kind"), [(500, "refusal"), (429, "429"), (401, "401"), (404, "404")])
@pytest.mark.parametrize(
    ("settings", "own"),
    [
        ({"num_retries": 1}, {}),
        ({"num_retries": 1}, {"num_retries": 3}),
        ({"num_retries": 3}, {"num_retries": 1}),
        ({"num_retries": 1, "retry_policy": {"DefaultRetries": 2}}, {"num_retries": 0}),
        ({"num_retries": 1, "retry_policy": {"AuthenticationErrorRetries": 2, "NotFoundErrorRetries": 3}}, {}),
        ({"num_retries": 1, "model_group_retry_policy": {"a": {"RateLimitErrorRetries": 3}}}, {"num_retries": 2}),
    ],
)
def test_a_failure_is_retried_as_often_as_computed(
    router: Router, settings: dict[str, Any], own: dict[str, Any], status: int, kind: str
) -> None:
    entry = {"model_name": "a", "litellm_params": {"model": "openai/a", **own}}
    made = cast("LiteLLMSettings", {"model_list": [entry], "router_settings": {**settings, "disable_cooldowns": True}})
    router.configure(made)
    router.vendor.faults = {"a": {"status": status}}
    router.ask(model="a")
    assert len(router.vendor.requested) == 1 + RetryCounts(made).of(made["model_list"][0], kind)


def test_a_models_own_cooldown_time_wins_over_the_vendors(router: Router) -> None:
    profile = overlay(SHIPPED["litellm_base"], SHIPPED["profiles"]["reliability"])
    for entry in profile["model_list"]:
        entry["litellm_params"]["cooldown_time"] = 3
    router.configure(compile_profile(profile, {}, UpstreamAccounts({}, {"codex": 1}, lambda entry: True)).litellm)
    router.vendor.faults[FIRST] = {"status": 429, "headers": {"retry-after": "30"}}
    assert router.ask(4)[3] == (SPARE, 0, 1)
    router.vendor.faults = {}
    assert wait(lambda: router.ask() == [(FIRST, 1, 0)])


@pytest.mark.parametrize("limit", [0, 1, 2, 4, 5, 6])
@pytest.mark.parametrize("lists", [MIXED, CHAIN, DEEP, {"*": ("b", "c"), "b": ("d",)}, {"a": ("b",), "b": ("a",)}])
def test_a_request_goes_through_fallbacks_in_the_computed_order(
    router: Router, lists: dict[str, tuple[str, ...]], limit: int
) -> None:
    models = [{"model_name": name, "litellm_params": {"model": f"openai/{name}"}} for name in "abcdefgh"]
    written = [{name: list(targets)} for name, targets in lists.items()]
    settings = {"fallbacks": written, "max_fallbacks": limit, "num_retries": 0, "disable_cooldowns": True}
    router.configure(cast("LiteLLMSettings", {"model_list": models, "router_settings": settings}))
    router.vendor.faults = dict.fromkeys("abcdefgh", DOWN)
    router.ask(model="a")
    assert router.vendor.requested == Fallbacks(lists, limit).walk("a")


# --- through the embedded upstream, which applies cooldowns like CLIProxyAPIPlus


@contextmanager
def upstream(vendor: Vendor, folder: Path, keys: int, policy: UpstreamSettings) -> Iterator[str]:
    """Run the embedded upstream in front of the fake vendor, and yield its base URL."""
    port = free_port()
    models = [{"name": one, "alias": one} for one in (FIRST, SPARE)]
    entries = [{"api-key": f"account-{one}"} for one in range(keys)]
    base = f"http://127.0.0.1:{vendor.server_address[1]}/v1"
    far = {"name": "far", "base-url": base, "api-key-entries": entries, "models": models}
    tree = {"host": "127.0.0.1", "port": port, "auth-dir": str(folder), "api-keys": ["k"], **policy}
    file = folder / "cliproxyapi.yaml"
    file.write_text(yaml.safe_dump({**tree, "openai-compatibility": [far]}))
    words = [sys.executable, "-m", "flowgate.embedded_upstream", "-config", str(file)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait(lambda: sockets.accepts_connections("127.0.0.1", port, 1.0))
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def test_as_commonly_written_the_retries_that_a_client_waits_for_do_not_reach_the_vendor(
    router: Router, tmp_path: Path
) -> None:
    with upstream(router.vendor, tmp_path, keys=1, policy={}) as address:
        router.configure(as_written(COMMON["reliability"]), address)
        router.vendor.faults[FIRST] = DOWN
        assert router.ask() == [(SPARE, 1, 1)]


def test_with_one_account_every_retry_reaches_the_vendor(router: Router, tmp_path: Path) -> None:
    policy = compiled(SHIPPED["profiles"]["reliability"])
    with upstream(router.vendor, tmp_path, keys=1, policy=policy.cliproxy) as address:
        router.configure(policy.litellm, address)
        router.vendor.faults[FIRST] = DOWN
        assert [first for _, first, _ in router.ask(4)] == [policy.budget.vendor, 1, 0, 0]
        assert policy.budget.vendor == 3


def test_with_two_accounts_each_is_used_once_and_then_both_are_in_cooldown(router: Router, tmp_path: Path) -> None:
    policy = compiled(SHIPPED["profiles"]["reliability"], accounts=2)
    with upstream(router.vendor, tmp_path, keys=2, policy=policy.cliproxy) as address:
        router.configure(policy.litellm, address)
        router.vendor.faults[FIRST] = DOWN
        assert router.ask(4) == [(SPARE, policy.budget.vendor, 1), *[(SPARE, 0, 1)] * 3]


def test_after_an_outage_the_profiles_cooldown_counts_not_the_minute_of_cliproxyapi_plus(
    router: Router, tmp_path: Path
) -> None:
    policy = compiled(SHIPPED["profiles"]["reliability"], cooldown_time=3)
    with upstream(router.vendor, tmp_path, keys=1, policy=policy.cliproxy) as address:
        router.configure(policy.litellm, address)
        router.vendor.faults[FIRST] = DOWN
        router.ask(3)
        router.vendor.faults = {}
        assert wait(lambda: router.ask() == [(FIRST, 1, 0)])

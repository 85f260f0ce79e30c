"""Running one scenario: its client calls the fake vendors directly, without LiteLLM in between."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flowgate.context import StepContext
from flowgate.errors import CheckFailed
from flowgate.rehearsal.config import vendor_model
from flowgate.rehearsal.fake_vendors import FakeVendors
from flowgate.rehearsal.observation import UNASKED, Attempt, Observation, ObservedRequest, SentRequest, match_attempts
from flowgate.rehearsal.private_stack import ScenarioStack
from flowgate.rehearsal.roles import NameCase, Roles
from flowgate.rehearsal.runner import ClientSettings, ScenarioRunner
from flowgate.rehearsal.scenarios import SCENARIOS
from flowgate.system import sockets
from flowgate.system.clock import Clock
from flowgate.system.http import Http
from tests.conftest import free_port, wait
from tests.unit.steps.conftest import Stage

ROLES = Roles("big", {"big": "primary"})


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeVendors]:
    folder, port = tmp_path_factory.mktemp("vendors"), free_port()
    config = folder / "config.yaml"
    config.write_text(json.dumps({"host": "127.0.0.1", "port": port, "auth-dir": str(folder / "auths")}))
    argv = [sys.executable, "-m", "flowgate.embedded_upstream", "--faults", "-config", str(config)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait(lambda: sockets.accepts_connections("127.0.0.1", port, 1.0))
        yield FakeVendors(Http(), f"http://127.0.0.1:{port}", ROLES, scale=0.1)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def context(tmp_path: Path) -> StepContext:
    return replace(Stage(tmp_path).context(), clock=Clock()._replace(sleep=lambda seconds: None))


def run(
    context: StepContext,
    vendors: FakeVendors,
    name: str,
    timeout: float = 60.0,
    url: str = "",
    alias: str = "",
    others: tuple[str, ...] = (),
) -> Observation:
    scenario = replace(SCENARIOS[name], name=f"{name}-{free_port()}")  # attempts of earlier tests have other names
    client = ClientSettings(vendor_model(scenario.name, "big"), timeout, cooldown_seconds=0.0, minimum_requests=3)
    cases = tuple(NameCase(vendor_model(scenario.name, one), "model", (one,), ()) for one in ("big", "small"))
    aliases = (vendor_model(scenario.name, alias),) if alias else ()
    client = replace(client, cases=cases, aliases=aliases)
    stack = ScenarioStack(scenario, url or vendors.url, {}, vendors, None, others=others)
    try:
        return ScenarioRunner(context, stack, client).run(scale=0.1)
    finally:
        vendors.clear_faults(scenario)


def test_requests_fail_as_the_scenario_says(context: StepContext, vendors: FakeVendors) -> None:
    observed = run(context, vendors, "500")
    assert [(one.answered_by, one.attempts) for one in observed.requests] == [(None, {"primary": 1})] * 6
    assert {one.error[:3] for one in observed.requests} == {"500"}
    assert [one.failed for one in observed.attempts] == [True] * 6


def test_without_a_fault_the_primary_answers(context: StepContext, vendors: FakeVendors) -> None:
    assert {one.answered_by for one in run(context, vendors, "healthy").requests} == {"primary"}


def test_aliases_are_requested_in_turn(context: StepContext, vendors: FakeVendors) -> None:
    asked = [one.model.rpartition(".")[2] for one in run(context, vendors, "healthy", alias="other").requests]
    assert sorted(asked) == ["big"] * 3 + ["other"] * 3


def test_several_gateways_take_turns(context: StepContext, vendors: FakeVendors) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Inventor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        observed = run(context, vendors, "healthy", others=(f"http://127.0.0.1:{server.server_port}",), alias="other")
        server.shutdown()
    assert [one.unasked for one in observed.requests] == [False, True] * 3
    assert len({one.model for one in observed.requests if one.unasked}) == 2  # each gateway is asked for each name


def test_after_the_fault_each_gateway_is_asked_until_the_primary_answers(
    context: StepContext, vendors: FakeVendors
) -> None:
    observed = run(context, vendors, "recovery", others=(vendors.url, vendors.url))
    assert [one.answered_by for one in observed.requests] == [None] * 6 + ["primary"] * 3


def test_every_name_is_asked_for_with_and_without_a_fault(context: StepContext, vendors: FakeVendors) -> None:
    found = [(one.case.first, one.healthy, one.failing) for one in run(context, vendors, "names").names]
    assert found == [(("big",), "big", ""), (("small",), "small", "")]


def test_mistakes_of_one_client_come_before_the_requests_of_others(context: StepContext, vendors: FakeVendors) -> None:
    observed = run(context, vendors, "misuse")
    assert [(one.answered_by, one.attempts) for one in observed.requests] == [("primary", {"primary": 1})] * 6


def test_an_incomplete_stream_is_no_answer(context: StepContext, vendors: FakeVendors) -> None:
    observed = run(context, vendors, "cut")
    assert {one.answered_by for one in observed.requests} == {None}
    assert all(one.error for one in observed.requests)


def test_a_client_gives_up_after_its_timeout(context: StepContext, vendors: FakeVendors) -> None:
    requests = run(context, vendors, "silent", timeout=0.1).requests
    assert requests
    assert all(one.seconds >= 0.1 for one in requests)


def test_after_the_fault_requests_continue_until_the_primary_answers(
    context: StepContext, vendors: FakeVendors
) -> None:
    observed = run(context, vendors, "recovery")
    assert [one.answered_by for one in observed.requests] == [None] * 6 + ["primary"]
    assert observed.fault_ended_at is not None
    assert len(observed.during_fault()) == 6


def test_a_failure_before_the_fault_is_an_error(context: StepContext, vendors: FakeVendors) -> None:
    with pytest.raises(CheckFailed, match="failed before the fault started"):
        run(context, vendors, "500", url=f"http://127.0.0.1:{free_port()}")


def test_an_attempt_belongs_to_the_request_that_was_in_progress() -> None:
    sent = [SentRequest(100.0, 1.0), SentRequest(101.0, 0.5), SentRequest(102.0, 0.5, "500 no")]
    attempts = [
        *(Attempt(0.1, "primary", True), Attempt(0.4, "primary", True), Attempt(0.9, "secondary", False)),
        *(Attempt(1.0, "primary", False), Attempt(2.1, "primary", True), Attempt(9.0, "primary", True)),
    ]
    assert match_attempts(sent, attempts, start=100.0) == [
        ObservedRequest(0.0, 1.0, "secondary", {"primary": 2, "secondary": 1}),
        ObservedRequest(1.0, 0.5, "primary", {"primary": 1}),
        ObservedRequest(2.0, 0.5, None, {"primary": 2}, "500 no"),
    ]


@pytest.mark.parametrize("own", [[], [Attempt(0.1, "primary", True)]], ids=["no attempt", "a failed attempt"])
@pytest.mark.parametrize(("error", "unasked"), [("", True), ("500 no", False)])
def test_an_answer_that_no_vendor_gave_is_recognised(own: list[Attempt], error: str, unasked: bool) -> None:
    (found,) = match_attempts([SentRequest(100.0, 1.0, error)], own, start=100.0)
    assert (found.unasked, found.answered_by) == (unasked, None)
    assert found.error == (UNASKED if unasked else error)


class _Inventor(BaseHTTPRequestHandler):
    """Answers every request without asking anybody."""

    def do_POST(self) -> None:
        body = json.dumps({"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}).encode()
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("scenario", ["healthy", "500", "429", "both", "names", "flap"])
def test_a_gateway_that_asks_nobody_is_found_out(context: StepContext, vendors: FakeVendors, scenario: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Inventor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        observed = run(context, vendors, scenario, url=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert observed.requests or scenario == "names"
    assert all(one.unasked for one in observed.requests)


def test_nobody_answered_a_request_whose_client_got_an_incomplete_stream() -> None:
    sent = [SentRequest(100.0, 1.0, "the stream ended early")]
    assert match_attempts(sent, [Attempt(0.1, "primary", False)], start=100.0)[0].answered_by is None

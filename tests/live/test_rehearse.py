"""Rehearsals with the real LiteLLM: verdicts as expected, and attempts as counted by an independent proxy."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.config.loader import read
from flowgate.context import Files, RunState, StepContext
from flowgate.domain import Config, Sourced
from flowgate.rehearsal.comparisons import COOLDOWN, NO_DELAY, RETURN
from flowgate.rehearsal.plan import REDIS_PROGRAMS, make_plan
from flowgate.rehearsal.profile_run import rehearse_profile
from flowgate.rehearsal.result import ProfileResult
from flowgate.rehearsal.scenarios import SCENARIOS
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import sockets
from flowgate.system.clock import Clock
from flowgate.system.http import Http
from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Workspace, wait
from tests.live.conftest import Gateway
from tests.test_docs_json import differences, documented

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "config" / "examples" / "embedded.yaml"
COMMON = yaml.safe_load((HERE.parent / "unit" / "gateway" / "common_profiles.yaml").read_text(encoding="utf-8"))
PROFILES = ("reliability", "balanced", "cost")
FEW = ("500", "recovery", "cut")
FALLBACKS = [{"router-default": ["router-cheap"]}]


@dataclass
class CountingProxy:
    """A TCP proxy in front of the fake vendors that counts requests by their model."""

    models: list[str] = field(default_factory=list)
    listener: socket.socket = field(default_factory=lambda: sockets.listen("127.0.0.1", 0))
    target: int = 0

    def url(self, target: str) -> str:
        """Forward to a URL, and return the proxy's own."""
        self.target = int(target.rpartition(":")[2])
        threading.Thread(target=self._accept, daemon=True).start()
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                vendor = socket.create_connection(("127.0.0.1", self.target), 60)
                vendor.settimeout(None)
                threading.Thread(target=self._forward, args=(client, vendor, True), daemon=True).start()
                threading.Thread(target=self._forward, args=(vendor, client, False), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        unread = b""
        with contextlib.suppress(OSError):
            while block := source.recv(65_536):
                sink.sendall(block)
                unread += block if counts else b""
                while counts and b'"model":' in unread:
                    _, _, unread = unread.partition(b'"model":')
                    self.models.append(unread.split(b'"')[1].decode())
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # ends the thread of the other direction
        source.close()


@pytest.fixture
def proxy() -> Iterator[CountingProxy]:
    found = CountingProxy()
    yield found
    with contextlib.suppress(OSError):
        found.listener.shutdown(socket.SHUT_RDWR)
    found.listener.close()


def read_config(folder: Path, profiles: Any = None) -> Config:
    """Return the embedded default in its own folder, with its own profiles or others."""
    tree = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    text = yaml.safe_dump({**tree, "profiles": profiles or tree["profiles"]})
    return read(text, folder / "flowgate.yaml", embedded=True)


def make_context(config: Config, profile: str) -> StepContext:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    supervisor = SupervisorClient(config.paths.runtime_dir, config.paths.log_file)
    run_state = RunState(Sourced(profile, "typed"))
    return StepContext(
        config, run_state, supervisor, Http(), Clock(), Files(acting=True), environment, lambda message: None
    )


def run(
    folder: Path, profile: str, scenarios: tuple[str, ...], vendor_proxy: Callable[[str], str] | None = None, **how: Any
) -> ProfileResult:
    context = make_context(read_config(folder, how.pop("profiles", None)), profile)
    plan = make_plan(context, profile, **{"litellm_only": False, "as_written": False, **how})
    return rehearse_profile(context, plan, [SCENARIOS[name] for name in scenarios], vendor_proxy=vendor_proxy)


def broken(found: ProfileResult) -> set[tuple[str, str]]:
    return {(one["scenario"], one["promise"]) for one in found["promises"] if one["verdict"] == "broken"}


def test_a_shipped_profile_keeps_its_promises_and_an_independent_count_agrees(
    tmp_path: Path, proxy: CountingProxy
) -> None:
    found = run(tmp_path, "balanced", FEW, vendor_proxy=proxy.url)
    assert broken(found) == set()
    for scenario in found["scenarios"]:
        for model, role in found["roles"].items():
            counted = sum(one["role"] == role for one in scenario["attempts"])
            warm_up = 3 if role == "primary" else 0  # requests before the fault
            assert abs(proxy.models.count(f"{scenario['scenario']}.{model}") - warm_up - counted) <= 1
    (cut,) = (one for one in found["promises"] if one["verdict"] == "cannot")
    assert (cut["scenario"], cut["observed"][:5]) == ("cut", "0 of ")
    assert list(tmp_path.iterdir()) == []  # the user's own folder is not touched


@pytest.mark.long
@pytest.mark.parametrize("profile", PROFILES)
def test_every_shipped_profile_keeps_every_promise_in_every_scenario(tmp_path: Path, profile: str) -> None:
    found = run(tmp_path, profile, tuple(SCENARIOS))
    assert broken(found) == set()
    assert found["seconds"] < 60


@pytest.mark.long
@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_as_commonly_written_breaks_the_promised_cooldown(tmp_path: Path, profile: str) -> None:
    scenarios = ("healthy", "500", "refused", "recovery")
    found = broken(run(tmp_path, profile, scenarios, profiles=COMMON, litellm_only=True, as_written=True))
    assert {(name, COOLDOWN) for name in ("500", "refused", "recovery")} <= found
    assert "healthy" not in {name for name, _ in found}


@pytest.mark.long
def test_a_profile_as_commonly_written_delays_answers_and_does_not_return_through_cliproxyapi_plus(
    tmp_path: Path,
) -> None:
    found = run(tmp_path, "reliability", ("500", "recovery"), profiles=COMMON, as_written=True)
    assert {("500", NO_DELAY), ("recovery", RETURN)} <= broken(found)
    (outage, _) = found["scenarios"]
    assert [one["attempts"].get("primary", 0) for one in outage["requests"]] == [1, 0, 0, 0, 0, 0]


@pytest.mark.long
@pytest.mark.parametrize("profile", PROFILES)
def test_the_numbers_as_commonly_written_keep_their_promises_once_they_are_compiled(
    tmp_path: Path, profile: str
) -> None:
    assert broken(run(tmp_path, profile, ("500", "429-wait", "hang", "recovery"), profiles=COMMON)) == set()


# --- several gateways

SHARED: dict[str, Any] = {"redis_host": "redis.invalid", "redis_port": 6379}
ROUTER: dict[str, Any] = {"num_retries": 1, "allowed_fails": 1, "cooldown_time": 60, "timeout": 60}


def cooldown_of(found: ProfileResult) -> tuple[str, str]:
    (one,) = (one for one in found["promises"] if one["promise"] == COOLDOWN)
    return one["promised"], one["verdict"]


@pytest.mark.skipif(not any(map(shutil.which, REDIS_PROGRAMS)), reason="redis-server is not installed")
def test_two_gateways_with_different_keys_share_a_cooldown_in_a_private_redis_server(tmp_path: Path) -> None:
    profiles = {"shared": {"router_settings": {**ROUTER, **SHARED, "fallbacks": FALLBACKS}}}
    found = run(tmp_path, "shared", ("500",), profiles=profiles, litellm_only=True, gateways=2)
    assert broken(found) == set()
    assert cooldown_of(found) == ("within 3 failed requests", "kept")
    assert (found["gateways"], found["redis"]) == (2, True)


@pytest.mark.long
def test_two_gateways_without_a_redis_server_count_by_themselves(tmp_path: Path) -> None:
    found = run(tmp_path, "balanced", ("500", "recovery", "misuse", "names"), gateways=2)
    assert broken(found) == set()
    assert {one["promised"] for one in found["promises"] if one["promise"] == COOLDOWN} == {"within 4 failed requests"}
    (outage, *_) = found["scenarios"]
    assert [one["attempts"].get("primary", 0) > 0 for one in outage["requests"]] == [True] * 4 + [False] * 2


# --- the command `inv rehearse`


@pytest.mark.parametrize(("words", "says"), [(("--scenario", "50"), "500"), (("--profile", "cots"), "cost")])
def test_an_unknown_name_is_refused_before_anything_starts(
    workspace: Workspace, words: tuple[str, str], says: str
) -> None:
    assert f"did you mean '{says}'?" in workspace.inv("rehearse", *words, code=2).stderr
    assert workspace.nothing_runs()


@pytest.mark.long
def test_it_runs_beside_a_serving_gateway_and_leaves_it_alone(gateway: Gateway, tmp_path: Path) -> None:
    place, report = gateway.workspace, tmp_path / "rehearsal.xml"
    before = sorted(one.pid for one in place.services())
    found = place.json("rehearse", "--profile", "cost", "--scenario", "500", "--report-junit", str(report))
    assert (found["broken"], found["profiles"][0]["profile"]) == (0, "cost")
    assert differences(found, documented()["rehearse"]) == []
    assert '<testcase classname="rehearsal.cost" name="500"' in report.read_text()
    assert sorted(one.pid for one in place.services()) == before
    assert place.json("status")["profile"]["name"] == "balanced"


@pytest.mark.long
def test_an_interrupt_ends_everything_that_it_started(workspace: Workspace) -> None:
    workspace.variables["TMPDIR"] = str(workspace.folder)
    workspace.write(litellm=REAL_LITELLM, upstream=REAL_UPSTREAM)
    running = workspace.start("rehearse", "--scenario", "hang,500")
    assert wait(lambda: any(workspace.folder.glob("flowgate-rehearsal-*/runtime/hang/cliproxyapi.yaml")))
    running.signal(signal.SIGINT)
    assert running.wait_for_exit().returncode == 130
    assert workspace.nothing_runs()
    assert list(workspace.folder.glob("flowgate-rehearsal-*")) == []

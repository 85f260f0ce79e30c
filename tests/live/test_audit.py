"""An audit of the real LiteLLM's traffic: it finds each outage that was made, and nothing where there was none."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flowgate.audit.audit import NOT_EXERCISED, PROMISES, UNKNOWN
from flowgate.rehearsal.comparisons import ATTEMPTS, BROKEN, COOLDOWN, KEPT, LONGEST_WAIT, NO_DELAY, RETURN
from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Workspace, free_port, wait
from tests.live.conftest import Gateway, Vendor
from tests.test_docs_json import differences, documented

pytestmark = pytest.mark.live

COOLDOWN_SECONDS = 8
# Each model fails in its own way, so that all outages happen at the same time.
FAULTS: dict[str, dict[str, Any]] = {
    "m-500": {"status": 500},
    "m-401": {"status": 401},
    "m-429": {"status": 429},
    "m-hangs": {"hangs": True},
    "m-cut": {"cuts": True},
    "m-silent": {"silent": True},
    "m-400": {"status": 400},
    "m-refused": {},
    "m-healthy": {},
}
STREAMS = ("m-cut", "m-silent")
NO_OUTAGE = ("m-400", "m-healthy", "spare")  # an error that the request itself causes is none
DOWN = tuple(name for name in FAULTS if name not in NO_OUTAGE)
OUTAGE_SECONDS, PACE_SECONDS, FEWEST = 7.0, 0.4, 4
DEPLOYMENT = """\
    - model_name: {name}
      litellm_params: {{model: openai/{name}, api_base: "http://127.0.0.1:{port}/v1", max_retries: 0, api_key: none}}
"""
ROUTER = """\
  {profile}:
    router_settings:
      num_retries: {retries}
      allowed_fails: 1
      cooldown_time: {cooldown}
      timeout: 3
      stream_timeout: 3
      fallbacks: {fallbacks}
"""


@dataclass
class Audited:
    """A gateway whose models fail in known ways, and what is known of it."""

    gateway: Gateway
    vendor: Vendor
    late: Vendor
    key: str = ""
    during: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    answers: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def ask(self, model: str) -> tuple[int, str]:
        """Ask a model; return status and LiteLLM's id of the request."""
        body: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        try:
            with self.gateway.open(
                "/v1/chat/completions", {**body, "stream": model in STREAMS}, key=self.key
            ) as response:
                text = response.read().decode()
                whole = model not in STREAMS or ("[DONE]" in text and '"error"' not in text)
                found = response.status if whole else 0, response.headers["x-litellm-call-id"]
        except OSError as error:
            found = getattr(error, "code", 0), ""
        except http.client.HTTPException:
            found = 0, ""
        self.answers.setdefault(model, []).append(found)
        return found

    def audit(self, *words: str, code: int = 0) -> Any:
        """Audit the last hour."""
        return self.gateway.workspace.json("audit", "--since", "1h", *words, code=code)

    def recorded(self) -> int:
        """Return the number of requests in the ledger."""
        return int(self.gateway.workspace.json("usage")["total"]["requests"])

    def is_still(self) -> bool:
        """Return whether no request is recorded for a while: the ledger is written every second."""
        before = self.recorded()
        time.sleep(1.5)
        return self.recorded() == before

    def ask_all(self, models: Sequence[str], seconds: float) -> dict[str, list[tuple[int, str]]]:
        """Ask several models at the same time, each a few times and for so long; return the answers."""
        before, until = {name: len(self.answers.get(name, ())) for name in models}, time.monotonic() + seconds

        def ask_one(model: str) -> None:
            for number in itertools.count(1):
                self.ask(model)
                if number >= FEWEST and time.monotonic() >= until:
                    return
                time.sleep(PACE_SECONDS)

        with ThreadPoolExecutor(len(models)) as pool:
            list(pool.map(ask_one, models))
        asked = sum(map(len, self.answers.values()))
        assert wait(lambda: self.recorded() >= asked and self.is_still())
        return {name: self.answers[name][before[name] :] for name in models}


def write_config(place: Workspace, vendor: Vendor, late: Vendor) -> None:
    place.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    ports = {name: late.port if name == "m-refused" else vendor.port for name in (*FAULTS, "spare")}
    models = "".join(DEPLOYMENT.format(name=name, port=port) for name, port in ports.items())
    falls = json.dumps([{name: ["spare"]} for name in FAULTS])
    own = "".join(
        ROUTER.format(profile=profile, retries=retries, cooldown=COOLDOWN_SECONDS, fallbacks=falls)
        for profile, retries in (("audited", 1), ("other", 0))
    )
    place.edit_config(("profiles:\n", f"{models}profiles:\n{own}"))


def start_vendor(folder: Path, vendor: Vendor) -> subprocess.Popen[bytes]:
    config = folder / f"vendor-{vendor.port}.yaml"
    config.write_text(json.dumps({"host": "127.0.0.1", "port": vendor.port, "auth-dir": str(folder / "auth")}))
    argv = [sys.executable, "-m", "flowgate.embedded_upstream", "--faults", "-config", str(config)]
    with (folder / "vendor.log").open("ab") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    assert wait(vendor.is_up)
    return process


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """A gateway of its own: started once for this file."""
    folder = tmp_path_factory.mktemp("audited")
    place, vendor, late = Workspace(folder), Vendor(free_port()), Vendor(free_port())
    write_config(place, vendor, late)
    running = [start_vendor(folder, vendor)]
    try:
        place.inv("up", "--profile", "audited")
        found = Audited(Gateway(place), vendor, late)
        found.key = found.gateway.key()
        found.ask_all([name for name in FAULTS if name != "m-refused"], 1.0)
        yield found
        place.inv("down")
    finally:
        place.kill_processes()
        for one in running:
            one.kill()
            one.wait()


@pytest.fixture(scope="module")
def healthy(audited: Audited) -> Any:
    """The audit before any outage."""
    return audited.audit()


@pytest.fixture(scope="module")
def outages(audited: Audited, healthy: Any) -> Iterator[Any]:
    """The audit after one outage of each kind."""
    audited.vendor.set_faults({name: fault for name, fault in FAULTS.items() if fault})
    audited.during = audited.ask_all(tuple(FAULTS), OUTAGE_SECONDS)
    audited.vendor.set_faults({})
    late = start_vendor(audited.gateway.workspace.folder, audited.late)
    time.sleep(COOLDOWN_SECONDS)  # nothing else ends a cooldown
    audited.ask_all(tuple(FAULTS), 1.0)
    yield audited.audit()
    late.kill()
    late.wait()


def verdicts(audit: Any, place: int = 0) -> dict[str, str]:
    return {one["promise"]: one["verdict"] for one in audit["profiles"][place]["promises"]}


def test_without_an_outage_nothing_is_exercised_and_nothing_broken(healthy: Any) -> None:
    assert verdicts(healthy) == dict.fromkeys(PROMISES, NOT_EXERCISED)
    assert (healthy["outages"], healthy["broken"]) == ([], 0)


def test_each_outage_is_found_and_no_other(outages: Any) -> None:
    found = [one["model"] for one in outages["outages"]]
    assert sorted(found) == sorted(DOWN)
    assert all(one["ended"] and one["cause"] == "vendor" for one in outages["outages"])


def test_each_outage_has_its_errors(outages: Any) -> None:
    found = {one["model"]: set(one["errors"]) for one in outages["outages"]}
    assert found["m-refused"] == {"connection refused"}
    assert found["m-hangs"] == {"timeout"}
    assert [found[f"m-{status}"] for status in (401, 429, 500)] == [{"401"}, {"429"}, {"500"}]
    assert found["m-cut"] == found["m-silent"] == {"the stream broke off"}


def test_what_was_answered_is_what_clients_saw(audited: Audited, outages: Any) -> None:
    for one in outages["outages"]:
        seen = [status for status, _ in audited.during[one["model"]]]
        first_good = 1
        assert (one["model"], one["answered"]) == (one["model"], seen.count(200) + first_good)


def test_an_outage_as_promised_breaks_nothing(outages: Any) -> None:
    found = verdicts(outages)
    assert {found[one] for one in (ATTEMPTS, COOLDOWN, NO_DELAY, LONGEST_WAIT, RETURN)} <= {KEPT, UNKNOWN}, outages
    assert (found[ATTEMPTS], found[LONGEST_WAIT], outages["broken"]) == (KEPT, KEPT, 0)


def test_every_key_of_the_document_is_documented(outages: Any) -> None:
    assert differences(outages, documented()["audit"]) == []


def test_cooldowns_are_found(outages: Any) -> None:
    found = {one["model"]: one["cooldowns"] for one in outages["outages"]}
    assert all(len(found[name]) >= 1 for name in ("m-500", "m-401", "m-refused")), found


def test_a_profile_is_judged_by_its_own_promises(audited: Audited, outages: Any) -> None:
    audited.gateway.workspace.inv("profile.set", "other")
    audited.vendor.set_faults({"m-500": {"status": 500}})
    audited.ask_all(["m-500"], 1.0)
    audited.vendor.set_faults({})
    found = audited.audit()
    assert [one["profile"] for one in found["profiles"]] == ["audited", "other"]
    promised = [next(x["promised"] for x in one["promises"] if x["promise"] == ATTEMPTS) for one in found["profiles"]]
    assert promised == ["at most 2", "at most 1"]
    assert audited.audit("--profile", "other")["profiles"] == found["profiles"][1:]


def restart_with(audited: Audited, *changes: tuple[str, str]) -> None:
    """Change LiteLLM's config behind FlowGate, and kill LiteLLM: the supervisor starts it again."""
    place = audited.gateway.workspace
    [service] = [place.json("status")["services"]["litellm"]]
    [config] = [one for one in place.runtime.glob("litellm-*.yaml") if "num_retries: 1" in one.read_text()]
    text = config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    config.write_text(text)
    os.kill(service["pid"], signal.SIGKILL)
    assert wait(lambda: place.json("status")["services"]["litellm"]["pid"] not in (None, service["pid"]))
    assert wait(lambda: audited.gateway.chat(audited.key, "m-healthy")[0] == 200)  # it serves


def test_a_config_that_was_changed_behind_flowgate_breaks_its_promise(audited: Audited, outages: Any) -> None:
    audited.gateway.workspace.inv("profile.set", "audited")
    restart_with(audited, ("cooldown_time: 8", "cooldown_time: 0"))
    audited.vendor.set_faults({"m-500": {"status": 500}})
    asked = {request_id for _, request_id in audited.ask_all(["m-500"], 10.0)["m-500"]}
    audited.vendor.set_faults({})
    found = audited.audit("--profile", "audited", code=1)
    [broken] = [one for one in found["profiles"][0]["promises"] if one["promise"] == COOLDOWN]
    assert broken["verdict"] == BROKEN
    assert broken["requests"]
    assert set(broken["requests"]) <= asked

"""A rehearsal over the real LiteLLM: green where it must be, red where it must be, counted by somebody else too."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.config.loader import read
from flowgate.context import Files, RunState, StepContext
from flowgate.domain import Config, Sourced
from flowgate.rehearsal.scenarios import SCENARIOS
from flowgate.steps import rehearse
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import sockets
from flowgate.system.clock import Clock
from flowgate.system.http import Http
from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Workspace, wait
from tests.live.conftest import Gateway

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "config" / "examples" / "embedded.yaml"
COMMON = yaml.safe_load((HERE.parent / "unit" / "gateway" / "common_profiles.yaml").read_text(encoding="utf-8"))
PROFILES = ("reliability", "balanced", "cost")
FEW = ("500", "recovery", "cut")


@dataclass
class Counter:
    """A socket-level stub before the vendors: passes everything on, and counts the questions itself."""

    posts: list[str] = field(default_factory=list)
    listener: socket.socket = field(default_factory=lambda: sockets.listen("127.0.0.1", 0))
    target: int = 0

    def front(self, address: str) -> str:
        """Stand before an address; give our own."""
        self.target = int(address.rpartition(":")[2])
        threading.Thread(target=self._welcome, daemon=True).start()
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                ours, _ = self.listener.accept()
                theirs = socket.create_connection(("127.0.0.1", self.target), 5)
                theirs.settimeout(None)
                threading.Thread(target=self._pass_on, args=(ours, theirs, True), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(theirs, ours, False), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, counts: bool) -> None:
        message = b""
        with contextlib.suppress(OSError):
            while block := one.recv(65_536):
                other.sendall(block)
                message += block if counts else b""
                while counts and b'"model":' in message:
                    _, _, message = message.partition(b'"model":')
                    self.posts.append(message.split(b'"')[1].decode())
        for sock in (one, other):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes who listens to the other side
        one.close()

    def count(self, name: str) -> int:
        """Say how many questions came for a model, by the name that the vendors know it by."""
        return self.posts.count(name)


@pytest.fixture
def counter() -> Iterator[Counter]:
    found = Counter()
    yield found
    with contextlib.suppress(OSError):
        found.listener.shutdown(socket.SHUT_RDWR)
    found.listener.close()


def config_of(folder: Path, profiles: dict[str, Any] | None = None) -> Config:
    """Give the embedded default in a folder of its own, with its own profiles or others."""
    tree = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    text = yaml.safe_dump({**tree, "profiles": profiles or tree["profiles"]})
    return read(text, folder / "flowgate.yaml", embedded=True)


def reach_of(config: Config, profile: str) -> StepContext:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    supervisor = SupervisorClient(config.paths.runtime_dir, config.paths.log_file)
    run_state = RunState(Sourced(profile, "typed"))
    return StepContext(
        config, run_state, supervisor, Http(), Clock(), Files(acting=True), environment, lambda words: None
    )


def played(folder: Path, profile: str, names: tuple[str, ...], front: Any = None, **how: Any) -> Any:
    context = reach_of(config_of(folder, how.pop("profiles", None)), profile)
    script = rehearse.script(context, profile, how.get("alone", False), how.get("as_written", False))
    return rehearse.rehearsed(context, script, [SCENARIOS[name] for name in names], front=front)


def broken(found: Any) -> set[tuple[str, str]]:
    return {(row["scenario"], row["promise"]) for row in found["rows"] if row["verdict"] == "broken"}


def test_a_shipped_profile_keeps_its_promises_and_an_independent_count_agrees(tmp_path: Path, counter: Counter) -> None:
    found = played(tmp_path, "balanced", FEW, front=counter.front)
    assert broken(found) == set()
    for scene in found["scenarios"]:
        for model, role in found["roles"].items():
            counted = sum(one["role"] == role for one in scene["attempts"])
            warm = 3 if role == "primary" else 0  # questions before anything was wrong
            assert abs(counter.count(f"{scene['scenario']}.{model}") - warm - counted) <= 1
    (cut,) = (row for row in found["rows"] if row["verdict"] == "cannot")
    assert cut["scenario"] == "cut"
    assert cut["observed"].startswith("0 of ")
    assert list(tmp_path.iterdir()) == []  # nothing of it touches the user's own folder


@pytest.mark.long
@pytest.mark.parametrize("profile", PROFILES)
def test_every_shipped_profile_keeps_every_promise_in_every_scenario(tmp_path: Path, profile: str) -> None:
    found = played(tmp_path, profile, tuple(SCENARIOS))
    assert broken(found) == set()
    assert found["seconds"] < 60


@pytest.mark.long
@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_as_commonly_written_is_red_on_the_bench(tmp_path: Path, profile: str) -> None:
    how = {"profiles": COMMON, "alone": True, "as_written": True}
    found = broken(played(tmp_path, profile, ("healthy", "500", "refused", "recovery"), **how))
    assert {(name, "benched") for name in ("500", "refused", "recovery")} <= found
    assert "healthy" not in {name for name, _ in found}


@pytest.mark.long
def test_through_the_pair_a_profile_as_commonly_written_waits_for_void_retries_and_does_not_come_back(
    tmp_path: Path,
) -> None:
    found = played(tmp_path, "reliability", ("500", "recovery"), profiles=COMMON, as_written=True)
    assert ("500", "as quick as ever once it is benched") in broken(found)
    assert ("recovery", "the primary serves again after the fault") in broken(found)
    (scene, _) = found["scenarios"]
    assert [one["attempts"].get("primary", 0) for one in scene["asked"]] == [1, 0, 0, 0, 0, 0]


@pytest.mark.long
@pytest.mark.parametrize("profile", PROFILES)
def test_the_numbers_as_commonly_written_keep_their_promise_once_they_are_compiled(
    tmp_path: Path, profile: str
) -> None:
    assert broken(played(tmp_path, profile, ("500", "429-wait", "hang", "recovery"), profiles=COMMON)) == set()


# --- by the real `inv`


@pytest.mark.parametrize(("words", "says"), [(("--scenario", "50"), "500"), (("--profile", "cots"), "cost")])
def test_an_unknown_name_is_refused_before_anything_starts(
    workspace: Workspace, words: tuple[str, str], says: str
) -> None:
    assert f"did you mean '{says}'?" in workspace.inv("rehearse", *words, code=2).stderr
    assert workspace.nothing_runs()


@pytest.mark.long
def test_it_runs_beside_a_gateway_that_serves_and_touches_nothing_of_it(gateway: Gateway, tmp_path: Path) -> None:
    place, report = gateway.workspace, tmp_path / "rehearsal.xml"
    before = sorted(one.pid for one in place.services())
    found = place.json("rehearse", "--profile", "cost", "--scenario", "500", "--report-junit", str(report))
    assert (found["broken"], found["profiles"][0]["profile"]) == (0, "cost")
    assert '<testcase classname="cost" name="500"' in report.read_text()
    assert sorted(one.pid for one in place.services()) == before
    assert place.json("status")["profile"]["name"] == "balanced"


@pytest.mark.long
def test_an_interrupt_ends_all_that_it_has_started(workspace: Workspace) -> None:
    workspace.variables["TMPDIR"] = str(workspace.folder)
    workspace.write(litellm=REAL_LITELLM, upstream=REAL_UPSTREAM)
    running = workspace.start("rehearse", "--scenario", "hang,500")
    assert wait(lambda: any(workspace.folder.glob("flowgate-rehearsal-*/runtime/hang/cliproxyapi.yaml")), 20.0)
    running.signal(signal.SIGINT)
    assert running.wait_for_exit().returncode == 130
    assert workspace.nothing_runs()
    assert list(workspace.folder.glob("flowgate-rehearsal-*")) == []

"""One gateway for all real clients: the real LiteLLM over the embedded upstream."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.clients import table
from tests.clients.catalogue import CLIENTS
from tests.clients.installs import why_missing
from tests.clients.ways import MADE, Client, Place
from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Workspace
from tests.live.conftest import Gateway

RUN_SECONDS = 120
QUESTION = "Say hello"


@dataclass(frozen=True)
class Run:
    """How one run of a client ended.

    Attributes:
        code: The exit code.
        output: What it printed.
        found: What a driver found: `text`, `chunks`, `called`; empty for a program.
        paths: Paths that it asked the gateway for.
        errors: Requests that the gateway did not answer with 200: path and status.
        streamed: Whether it asked the upstream for a stream.
        made: Whether a tool has made its file.
    """

    code: int
    output: str
    found: Mapping[str, Any]
    paths: frozenset[str]
    errors: tuple[str, ...]
    streamed: bool
    made: bool


@dataclass(eq=False)
class Clients:
    """Runs real clients against one gateway, each in a home and a folder of its own.

    Attributes:
        gateway: The gateway.
        folder: Where the homes are made.
        rows: What was seen of each client, for the table.
    """

    gateway: Gateway
    folder: Path
    key: str
    rows: dict[str, table.Row] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def note_switches(self, runs: int, clients: int, switches: int) -> None:
        """Note for the page how many runs saw no error during switches and a restart."""
        self.notes.append(
            f"During {switches} profile switches and one restart of the gateway, {clients} clients made {runs} runs; "
            "none of them saw an error."
        )

    def row(self, client: Client) -> table.Row:
        """Return what was seen of a client so far."""
        return self.rows.setdefault(client.name, table.Row(client.title, client.install.version, client.protocol))

    def command(self, client: Client, mode: str, question: str) -> tuple[list[str], dict[str, str], Path]:
        """Return the command line, the variables and the folder of one run."""
        work = Path(tempfile.mkdtemp(prefix=f"{client.name}-{mode}-", dir=self.folder)) / "work"
        home = work.parent / "home"
        for one in (work, home):
            one.mkdir(parents=True)
        made = client.ask(client, Place(home, self.gateway.base, self.key, by_files=mode != "tool"), question)
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "dumb", "HOME": str(home), **made.env}
        return [*made.argv, *([mode] if client.is_library else [])], env, work

    def finished(self, client: Client, mode: str, question: str) -> tuple[subprocess.CompletedProcess[str], Path]:
        """Run a client to its end; return how it ended, and the folder in which it ran.

        Args:
            client: The client.
            mode: "ask", "stream" or "tool"; programs that are no drivers do what the question says.
            question: The question.
        """
        argv, env, work = self.command(client, mode, question)
        done = subprocess.run(
            argv, cwd=work, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=RUN_SECONDS
        )
        return done, work

    def run(self, client: Client, mode: str, question: str = QUESTION) -> Run:
        """Run a client once, and look at what it asked the gateway.

        Args:
            client: The client.
            mode: "ask", "stream" or "tool".
            question: The question.
        """
        before = len(self._answers())
        self._upstream("DELETE")
        done, work = self.finished(client, mode, question)
        asked = self._answers()[before:]
        return Run(
            done.returncode,
            done.stdout + done.stderr,
            _json_line(done.stdout) if client.is_library else {},
            frozenset(one["path"] for one in asked),
            tuple(f"{one['path']}: {one['status']}" for one in asked if one["status"] != 200),
            any(one["stream"] for one in self._upstream("GET")["requests"]),
            (work / MADE).exists(),
        )

    def _answers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.gateway.workspace.json("explain", "--last", "5000")["answers"]
        return found

    def _upstream(self, method: str) -> Any:
        place = self.gateway.workspace
        key = (place.folder / ".router" / "secrets" / "upstream-api-key").read_text().strip()
        address = f"http://127.0.0.1:{place.upstream_port}/embedded/requests"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)


def _json_line(output: str) -> Mapping[str, Any]:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    return dict(json.loads(lines[-1])) if lines else {}


def _end_daemons(homes: Path) -> None:
    """End what clients leave running in their homes: Cline starts a daemon that stays."""
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(word.startswith(str(homes)) for word in (one.cwd(), *one.cmdline())):
                one.kill()


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """All real clients, and the gateway that they ask."""
    place, homes = Workspace(tmp_path_factory.mktemp("clients")), tmp_path_factory.mktemp("homes")
    place.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0", "--faults"))
    try:
        place.inv("up", "--profile", "balanced")
        gateway = Gateway(place)
        made = Clients(gateway, homes, gateway.key())
        yield made
        table.write(made.rows, made.notes, len(CLIENTS))
        place.inv("down")
        assert place.nothing_runs()
    finally:
        place.kill_processes()
        _end_daemons(homes)


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> Client:
    """One real client; skipped where it cannot be installed."""
    found: Client = request.param
    if reason := why_missing(found.install):
        pytest.skip(reason)
    return found


@cache
def first_run(clients: Clients, client: Client, mode: str) -> Run:
    """Run a client once for all tests that look at the same run.

    Args:
        clients: The clients.
        client: The client.
        mode: "ask" or "stream"; for programs both are the same run.
    """
    return clients.run(client, mode)

"""Fixtures for steps: a temporary folder, a supervisor that only records calls, a function as HTTP server."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from flowgate.config.loader import read
from flowgate.context import Files, RunState, StepContext
from flowgate.domain import Change, Config, Program, Sourced
from flowgate.errors import EnvironmentFailure, NotReady
from flowgate.supervisor.client import SupervisorClient
from flowgate.system.bytecode import State
from flowgate.system.clock import Clock
from flowgate.system.http import Http
from tests.conftest import free_port

CONFIG = """\
paths: {{runtime_dir: .router/runtime}}
services:
  litellm:
    port: {litellm}
    readiness_path: /health/readiness
    command: {{args: [.router/runtime/bin/litellm]}}
  cliproxyapi_plus:
    port: {upstream}
    readiness_path: /
    command: {{args: [{program}]}}
litellm_base:
  model_list:
    - model_name: router-default
      litellm_params: {{model: openai/big, api_base: "http://127.0.0.1:{upstream}/v1", api_key: {key}}}
profiles: {{balanced: {{}}, cost: {{router_settings: {{num_retries: 0}}}}}}
"""
EMBEDDED = ".router/runtime/bin/embedded-upstream"


@dataclass
class FakeSupervisor:
    """A supervisor that runs nothing: its services are plain data, and it records the calls.

    services: service → its generations, oldest first; failures: service → why its last generation ended
    up_to_date: services that run the rendered config
    query_rows: service → rows that its serving generation returns
    reserved: environment of LiteLLM → how long its fork server is kept
    """

    services: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    up_to_date: set[str] = field(default_factory=set)
    started: list[tuple[str, int]] = field(default_factory=list)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)
    busy: tuple[int, float] = (0, 0.0)
    query_rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reserved: dict[str, float] = field(default_factory=dict)
    recent: list[dict[str, Any]] = field(default_factory=list)

    def recent_requests(self, service: str) -> list[dict[str, Any]]:
        return self.recent

    def close(self) -> None:
        """Close nothing: it has no connection."""

    def status(self) -> dict[str, Any]:
        names = {*self.services, *self.failures}
        about = {"wanted": False, "restarts": 0, "crashes": 0}
        services = {
            name: {**about, "generations": self.services.get(name, []), "failure": self.failures.get(name, "")}
            for name in names
        }
        return {"supervisor": 1, "services": services}

    def generation(self, service: str) -> dict[str, Any] | None:
        living = [one for one in self.services.get(service, []) if one["phase"] not in ("draining", "stopping")]
        return living[-1] if living else None

    def chosen(self, service: str) -> dict[str, Any] | None:
        mine = [number for name, number in self.started if name == service]
        if not mine:
            return self.generation(service)
        if (found := self.generation(service)) is None or found["number"] != mine[-1]:
            raise NotReady(f"{service} generation {mine[-1]}, which this run started, has ended")
        return found

    def serving_label(self, service: str, label: str) -> str | None:
        found = [one["labels"].get(label, "") for one in self.services.get(service, []) if one["phase"] == "serving"]
        return found[-1] if found else None

    def refusals(self, service: str) -> list[dict[str, Any]]:
        return []

    def query(self, service: str, what: str) -> list[dict[str, Any]]:
        if service not in self.query_rows:
            raise NotReady(f"{service} is not running", fix="inv up")
        return self.query_rows[service]

    def matches(self, program: Program) -> bool:
        return program.service in self.up_to_date

    def start(self, program: Program, *, fresh: bool = False) -> dict[str, Any]:
        self.calls.append(("start", program.service))
        self.programs.append(program)
        number = len(self.services.get(program.service, [])) + 1
        self.started.append((program.service, number))
        self.run(program.service, "starting", port=program.port, digest=program.digest, labels=dict(program.labels))
        return {"generation": number, "same": False}

    def run(self, service: str, phase: str = "serving", **more: Any) -> FakeSupervisor:
        """Add a generation to a service."""
        generations = self.services.setdefault(service, [])
        about = {"number": len(generations) + 1, "phase": phase, "pid": None, "labels": {}, "host": "127.0.0.1"}
        generations.append(about | {"port": 1, "digest": ""} | more)
        return self

    def reserve_fork_server(self, program: Program, seconds: float, timeout: float = 60.0) -> bool:
        self.programs.append(program)
        self.reserved[program.labels["litellm_environment"]] = seconds
        return seconds > 0

    def wait(self, service: str, generation: int, timeout: float, *, serving: bool = False) -> str:
        self.calls.append(("wait", service, generation))
        return "ready"

    def promote(self, service: str, generation: int, digest: str, timeout: float = 30.0) -> None:
        found = next(one for one in self.services[service] if one["number"] == generation)
        if found["digest"] != digest:
            raise EnvironmentFailure(f"generation {generation} of {service} runs other settings")
        self.calls.append(("promote", service, generation))
        found["phase"] = "serving"

    def discard(self, service: str, generation: int) -> None:
        self.calls.append(("discard", service, generation))

    def stop(self, services: list[str], timeout: float = 60.0) -> dict[str, Any]:
        self.calls.append(("stop", *services))
        return {"stopped": [{"service": name, "pid": 7, "generation": 1} for name in services], "killed": []}

    def hold_requests(self, service: str, timeout: float) -> tuple[int, float]:
        self.calls.append(("hold", service, timeout))
        return self.busy

    def release_requests(self, service: str) -> None:
        self.calls.append(("release", service))

    def finish(self, *, keep: bool) -> None:
        self.calls.append(("finish", keep))


@dataclass(frozen=True, slots=True)
class StageContext(StepContext):
    """A context in an environment that is compiled."""

    def compiled(self) -> State:
        return State(is_pending=False)


@dataclass
class Stage:
    """A config in a temporary folder; `apply` runs a step as the executor does: look, then act."""

    folder: Path
    supervisor: FakeSupervisor = field(default_factory=FakeSupervisor)
    messages: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": "/usr/bin:/bin"})
    ports: dict[str, int] = field(default_factory=lambda: {"litellm": free_port(), "upstream": free_port()})
    config: Config = field(init=False)

    def __post_init__(self) -> None:
        self.configure()

    def configure(self, program: str = EMBEDDED, key: str = "os.environ/UPSTREAM_API_KEY", **services: Any) -> Stage:
        """Reload the config; `services` replaces fields of a service's settings."""
        text = CONFIG.format(program=program, key=key, **self.ports)
        config = read(text, self.folder / "flowgate.yaml")
        changed = {name: replace(one, **services.get(name, {})) for name, one in config.services.items()}
        self.config = replace(config, services=changed)
        return self

    @property
    def runtime(self) -> Path:
        return self.folder / ".router" / "runtime"

    def context(self, profile: str = "balanced") -> StepContext:
        """Return the acting context of a new run."""
        return StageContext(
            config=self.config,
            run_state=RunState(Sourced(profile, "typed")),
            supervisor=cast("SupervisorClient", self.supervisor),
            http=Http(),
            clock=Clock(),
            files=Files(acting=True),
            environment=self.environment,
            emit=self.messages.append,
        )

    def apply(
        self, step: Callable[..., Any], context: StepContext | None = None, **params: Any
    ) -> tuple[str, dict[str, Any]]:
        """Run a step; return "unchanged" or "changed", and its facts."""
        context = context or self.context()
        found = step(context.read_only(), **params)
        if not isinstance(found, Change):
            return found.status, dict(found.facts)
        return ("changed" if found.changes else "unchanged"), dict(found.apply(context))

    def prepared(self) -> Stage:
        """Write the programs and the config files."""
        from flowgate.steps.download import download
        from flowgate.steps.render import render

        self.apply(download)
        self.apply(render)
        return self

    def litellm(self, phase: str = "serving", profile: str = "balanced") -> Stage:
        """Let LiteLLM have one more generation, which runs the settings of a profile."""
        digest = self.context(profile).stack().services["litellm"].program.digest
        self.supervisor.run("litellm", phase, digest=digest, labels={"profile": profile})
        return self

    def tree(self) -> dict[str, bytes]:
        """Return every file and folder with its content."""
        return {str(path): path.read_bytes() if path.is_file() else b"" for path in self.folder.rglob("*")}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


Answers = Callable[[str], tuple[int, str]]


@contextmanager
def serving(answers: Answers, port: int) -> Iterator[None]:
    """Serve a function that returns status and text for a path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            code, text = answers(self.path)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *words: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def from_table(table: Mapping[str, str]) -> Answers:
    """Return 200 and the text for a known path, else 404."""
    return lambda path: (200, table[path]) if path in table else (404, "{}")


def fake_program(path: Path) -> Path:
    """Write a program that does nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n")
    path.chmod(0o700)
    return path

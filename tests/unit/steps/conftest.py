"""A stage for steps: a real temp folder, a keeper that only notes what it is asked, a function for a server."""

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
    """A keeper that keeps nothing: its services are plain data, and what is asked of it is noted.

    kept: service → its generations, oldest first; failures: service → why its last generation ended
    same: services that run just what is rendered
    inside: service → what its serving generation tells
    """

    kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    same: set[str] = field(default_factory=set)
    started: list[tuple[str, int]] = field(default_factory=list)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)
    busy: tuple[int, float] = (0, 0.0)
    inside: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def status(self) -> dict[str, Any]:
        names = {*self.kept, *self.failures}
        about = {"wanted": False, "restarts": 0, "crashes": 0}
        services = {
            name: {**about, "generations": self.kept.get(name, []), "failure": self.failures.get(name, "")}
            for name in names
        }
        return {"supervisor": 1, "services": services}

    def generation(self, service: str) -> dict[str, Any] | None:
        living = [one for one in self.kept.get(service, []) if one["phase"] not in ("draining", "stopping")]
        return living[-1] if living else None

    def query(self, service: str, what: str) -> list[dict[str, Any]]:
        if service not in self.inside:
            raise NotReady(f"{service} is not running", fix="inv up")
        return self.inside[service]

    def matches(self, program: Program) -> bool:
        return program.service in self.same

    def start(self, program: Program, *, fresh: bool = False) -> dict[str, Any]:
        self.asked.append(("start", program.service))
        self.programs.append(program)
        number = len(self.kept.get(program.service, [])) + 1
        self.started.append((program.service, number))
        self.run(program.service, "starting", port=program.port, digest=program.digest, labels=dict(program.labels))
        return {"generation": number, "same": False}

    def run(self, service: str, phase: str = "serving", **more: Any) -> FakeSupervisor:
        """Let a service have one more generation."""
        generations = self.kept.setdefault(service, [])
        about = {"number": len(generations) + 1, "phase": phase, "pid": None, "labels": {}, "host": "127.0.0.1"}
        generations.append(about | {"port": 1, "digest": ""} | more)
        return self

    def wait(self, service: str, generation: int, timeout: float, *, serving: bool = False) -> str:
        self.asked.append(("wait", service, generation))
        return "ready"

    def promote(self, service: str, generation: int, digest: str, timeout: float = 30.0) -> None:
        found = next(one for one in self.kept[service] if one["number"] == generation)
        if found["digest"] != digest:
            raise EnvironmentFailure(f"generation {generation} of {service} runs other settings")
        self.asked.append(("promote", service, generation))
        found["phase"] = "serving"

    def discard(self, service: str, generation: int) -> None:
        self.asked.append(("discard", service, generation))

    def stop(self, services: list[str], timeout: float = 60.0) -> dict[str, Any]:
        self.asked.append(("stop", *services))
        return {"stopped": [{"service": name, "pid": 7, "generation": 1} for name in services], "killed": []}

    def hold_requests(self, service: str, timeout: float) -> tuple[int, float]:
        self.asked.append(("hold", service, timeout))
        return self.busy

    def release_requests(self, service: str) -> None:
        self.asked.append(("let", service))

    def finish(self, *, keep: bool) -> None:
        self.asked.append(("finish", keep))


@dataclass(frozen=True, slots=True)
class StageContext(StepContext):
    """A reach in an environment whose bytecode is written."""

    def compiled(self) -> bool:
        return True


@dataclass
class Stage:
    """A config in a temp folder, and steps performed over it as the engine does: look, then act."""

    folder: Path
    supervisor: FakeSupervisor = field(default_factory=FakeSupervisor)
    told: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": "/usr/bin:/bin"})
    ports: dict[str, int] = field(default_factory=lambda: {"litellm": free_port(), "upstream": free_port()})
    config: Config = field(init=False)

    def __post_init__(self) -> None:
        self.configure()

    def configure(self, program: str = EMBEDDED, key: str = "os.environ/UPSTREAM_API_KEY", **services: Any) -> Stage:
        """Read the config anew. services: fields of each service's settings to replace"""
        text = CONFIG.format(program=program, key=key, **self.ports)
        config = read(text, self.folder / "flowgate.yaml")
        changed = {name: replace(one, **services.get(name, {})) for name, one in config.services.items()}
        self.config = replace(config, services=changed)
        return self

    @property
    def runtime(self) -> Path:
        return self.folder / ".router" / "runtime"

    def context(self, profile: str = "balanced") -> StepContext:
        """Give the acting reach of a new run."""
        return StageContext(
            config=self.config,
            run_state=RunState(Sourced(profile, "typed")),
            supervisor=cast("SupervisorClient", self.supervisor),
            http=Http(),
            clock=Clock(),
            files=Files(acting=True),
            environment=self.environment,
            emit=self.told.append,
        )

    def apply(
        self, step: Callable[..., Any], context: StepContext | None = None, **params: Any
    ) -> tuple[str, dict[str, Any]]:
        """Perform a step; give "same" or "changed", and its facts."""
        context = context or self.context()
        found = step(context.read_only(), **params)
        if not isinstance(found, Change):
            return found.status, found.facts
        return ("changed" if found.changes else "unchanged"), found.apply(context)

    def prepared(self) -> Stage:
        """Have the programs and the documents in place."""
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
        """Give every file and folder under the place with its content."""
        return {str(path): path.read_bytes() if path.is_file() else b"" for path in self.folder.rglob("*")}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


Answers = Callable[[str], tuple[int, str]]


@contextmanager
def serving(answers: Answers, port: int) -> Iterator[None]:
    """Let a function be a server: it gets the path and gives the code and the text."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            code, text = answers(self.path)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815 - its name there

        def log_message(self, *words: object) -> None:
            """Keep silent."""

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
    """Answer 200 with the text under a path, 404 without."""
    return lambda path: (200, table[path]) if path in table else (404, "{}")


def fake_program(path: Path) -> Path:
    """Put a program there that does nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n")
    path.chmod(0o700)
    return path

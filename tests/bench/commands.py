"""Time of commands, compared with `inv --list` of an empty `tasks.py`."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from flowgate.cli.session import Session
from flowgate.cli.status import collect_status
from flowgate.config.loader import read
from flowgate.domain import Sourced
from flowgate.system import sockets
from tests.bench.measure import BIN, Group, Row, alternate, command, environment

EMPTY = "from invoke import task\n\n\n@task\ndef nothing(c):\n    'nothing'\n"
SERVER = """import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('content-length', '2'); self.end_headers(); self.wfile.write(b'ok')
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()
"""
COMMANDS = {
    "list": (["inv", "--list"], 1.5),
    "status_idle": (["inv", "status"], 1.5),
    "profile_show": (["inv", "profile.show", "--name", "balanced"], 2.0),
    "flowgate_help": (["flowgate", "--help"], 0.7),
    "flowgate_version": (["flowgate", "--version"], 0.7),
    "flowgate_profiles": (["flowgate", "profile", "list"], 0.7),
    "flowgate_accounts": (["flowgate", "auth", "list"], 0.7),
    "flowgate_status": (["flowgate", "status"], 0.7),
}


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure commands with nothing running."""
    with tempfile.TemporaryDirectory() as name, two_programs(Path(name)) as env:
        chosen = {one: COMMANDS[one] for one in COMMANDS if one in wanted}
        works = [command([str(BIN / argv[0]), *argv[1:]], env=env) for argv, _ in chosen.values()]
        empty, *found = alternate(pairs, _baseline(Path(name)), *works)
        for (one, (argv, bound)), measured in zip(chosen.items(), found, strict=True):
            yield Row(one, f"`{' '.join(argv)}`, nothing running", measured, empty, bound)


def run_up(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure `status` with both services running."""
    with tempfile.TemporaryDirectory() as name, two_programs(Path(name)) as env:
        folder, inv = Path(name), str(BIN / "inv")
        try:
            command([inv, "service.start"], env=env)()
            if "status_up" in wanted:
                empty, up = alternate(pairs, _baseline(folder), command([inv, "status"], env=env))
                yield Row("status_up", "`inv status`, everything running", up, empty, 2.0)
            if "status_cost" in wanted:
                cost = statistics.median(_status_seconds(folder / "flowgate.yaml") for _ in range(50))
                yield Row(
                    "status_cost",
                    "collecting the status, without Python start and imports",
                    cost * 1000,
                    None,
                    40.0,
                    "ms",
                )
        finally:
            command([inv, "down"], env=env)()


IDLE = Group(tuple(COMMANDS), run)
UP = Group(("status_up", "status_cost"), run_up)


def _status_seconds(file: Path) -> float:
    """Do in this process what `status` does; return the seconds."""
    started = time.perf_counter()
    config = read(file.read_text(), file)
    session = Session(config, Sourced(file, "environment"), {})
    status = collect_status(session)
    took = time.perf_counter() - started
    session.supervisor.close()
    if not all(one["state"] == "serving" for one in status["services"].values()):
        raise RuntimeError(f"not all services were running: {status['services']}")
    return took


def _baseline(folder: Path) -> Callable[[], float]:
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    (empty / "tasks.py").write_text(EMPTY)
    return command([str(BIN / "inv"), "--list"], cwd=empty)


@contextmanager
def two_programs(folder: Path) -> Iterator[dict[str, str]]:
    """Yield an environment whose config runs two small programs as services."""
    program = folder / "server.py"
    program.write_text(SERVER)
    ports = [sockets.free_port(), sockets.free_port()]
    names = ("litellm", "cliproxyapi_plus")
    services = "\n".join(
        f"  {name}: {{port: {port}, readiness_path: /, command: {{args: [{BIN / 'python'}, {program}, '{port}']}}}}"
        for name, port in zip(names, ports, strict=True)
    )
    config = folder / "flowgate.yaml"
    config.write_text(
        f"paths: {{runtime_dir: runtime, log_file: log}}\nservices:\n{services}\n"
        "litellm_base: {model_list: [{model_name: m, litellm_params: {model: openai/m}}]}\n"
        "profiles: {balanced: {router_settings: {num_retries: 1, allowed_fails: 1, cooldown_time: 30}}}\n"
    )
    yield environment(FLOWGATE_CONFIG=str(config))

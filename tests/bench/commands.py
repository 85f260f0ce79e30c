"""What typing a command costs, beside `inv --list` of an empty `tasks.py`."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flowgate.keeper.client import Keeper
from flowgate.world import compiled, sockets
from tests.bench.measure import BIN, Row, alternate, command, environment, seconds

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
    "flowgate_help": (["flowgate", "--help"], 0.7),
    "flowgate_version": (["flowgate", "--version"], 0.7),
    "flowgate_profiles": (["flowgate", "profile", "list"], 0.7),
    "flowgate_status": (["flowgate", "status"], 0.7),
}


def run(pairs: int) -> Iterator[Row]:
    """Measure commands with nothing running."""
    with tempfile.TemporaryDirectory() as folder, two_programs(Path(folder)) as env:
        yield from _commands(pairs, Path(folder), env)


def run_up(pairs: int) -> Iterator[Row]:
    """Measure `status` with both services running."""
    with tempfile.TemporaryDirectory() as folder, two_programs(Path(folder)) as env:
        inv = str(BIN / "inv")
        command([inv, "service.start"], env=env)()
        try:
            empty, status = alternate(pairs, _baseline(Path(folder)), command([inv, "status"], env=env))
            yield Row("status_up", "`inv status`, everything running", status, empty, 2.0)
            keeper = Keeper(Path(folder) / "runtime", Path(folder) / "log")
            cost = statistics.median(seconds(keeper.status) for _ in range(50)) * 1000
            yield Row("status_cost", "a status question beyond Python and imports", cost, None, 40.0, "ms")
            keeper.close()
        finally:
            command([inv, "down"], env=env)()


def _baseline(folder: Path) -> Callable[[], float]:
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    (empty / "tasks.py").write_text(EMPTY)
    return command([str(BIN / "inv"), "--list"], cwd=empty)


def _commands(pairs: int, folder: Path, env: dict[str, str]) -> Iterator[Row]:
    compiled.is_compiled() or compiled.compile_environment()
    works = [command([str(BIN / argv[0]), *argv[1:]], env=env) for argv, _ in COMMANDS.values()]
    empty, *found = alternate(pairs, _baseline(folder), *works)
    for (name, (argv, bound)), measured in zip(COMMANDS.items(), found, strict=True):
        yield Row(name, f"`{' '.join(argv)}`, nothing running", measured, empty, bound)


@contextmanager
def two_programs(folder: Path) -> Iterator[dict[str, str]]:
    """Give an environment whose config names two small programs in place of the services."""
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
        "profiles: {balanced: {}}\n"
    )
    yield environment(FLOWGATE_CONFIG=str(config))

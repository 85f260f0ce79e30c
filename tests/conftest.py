"""Fixtures for tests that run the real `inv`: each test has its own config, runtime folder, ports and home."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowgate.system import sockets
from flowgate.system.clock import Clock, poll
from tests.commands import INVOKE, WARM_SERVER, ForkedCommand, start_forked, start_process

CHECKOUT = Path(__file__).resolve().parent.parent
FAKE_SERVICE = CHECKOUT / "tests" / "live" / "fake_service.py"
SUPERVISOR_MODULE = "flowgate.supervisor.daemon"

CONFIG = """\
config_version: 2
paths:
  runtime_dir: .router/runtime
services:
  litellm:
    host: 127.0.0.1
    port: {litellm_port}
    readiness_path: /health/readiness
    command:
      args: {litellm}
  cliproxyapi_plus:
    host: 127.0.0.1
    port: {upstream_port}
    readiness_path: /
    command:
      args: {upstream}
litellm_base:
  model_list:
    - model_name: router-default
      litellm_params:
        model: openai/embedded-default
        api_base: http://127.0.0.1:{upstream_port}/v1
        api_key: os.environ/UPSTREAM_API_KEY
    - model_name: router-cheap
      litellm_params:
        model: openai/embedded-cheap
        api_base: http://127.0.0.1:{upstream_port}/v1
        api_key: os.environ/UPSTREAM_API_KEY
profiles:
  reliability:
    router_settings: {{num_retries: 3}}
  balanced:
    router_settings: {{num_retries: 1}}
  cost:
    router_settings: {{num_retries: 0}}
"""
REAL_LITELLM = (".router/runtime/bin/litellm",)
REAL_UPSTREAM = (".router/runtime/bin/embedded-upstream",)

# Below the range that the system uses for outgoing connections, so that no other process gets one by chance.
FIRST_PORT, LAST_PORT, BLOCK, MOST_BLOCKS = 20_000, 32_000, 100, 10
# For what takes milliseconds on an idle machine. Only a test that fails waits so long.
LOADED_SECONDS = 60.0

CompletedCommand = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Running:
    """A running command, whose output goes into two files."""

    process: subprocess.Popen[str] | ForkedCommand
    out: Path
    err: Path

    def stderr(self) -> str:
        """Return the error output so far."""
        return self.err.read_text()

    def wait_for_message(self, words: str, seconds: float = LOADED_SECONDS) -> None:
        """Wait until the error output contains some words."""
        assert wait(lambda: words in self.stderr(), seconds), f"no {words!r} in:\n{self.stderr()}"

    def wait_for_exit(self, seconds: float = 90.0) -> CompletedCommand:
        """Wait until the command has ended."""
        code = self.process.wait(seconds)
        return without_crash(CompletedCommand(self.process.args, code, self.out.read_text(), self.stderr()))

    def signal(self, number: int) -> None:
        """Send a signal to the command only."""
        self.process.send_signal(number)


@dataclass
class Workspace:
    """The files, ports and variables of one test's `inv`, separate from the checkout's and the user's."""

    folder: Path
    litellm_port: int = field(default_factory=lambda: free_port())
    upstream_port: int = field(default_factory=lambda: free_port())
    started: list[Running] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "flowgate.yaml"

    @property
    def runtime(self) -> Path:
        return self.folder / ".router" / "runtime"

    def environment(self) -> dict[str, str]:
        """Return the environment of this test's `inv`."""
        inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {**inherited, "HOME": str(home), "FLOWGATE_CONFIG": str(self.config), **self.variables}

    # --- the config

    def config_text(self, litellm: tuple[str, ...] | None = None, upstream: tuple[str, ...] | None = None) -> str:
        """Return a config's text; without arguments it runs fake services."""
        fake = (sys.executable, str(FAKE_SERVICE))
        active = str(self.runtime / "litellm.active.yaml")
        return CONFIG.format(
            litellm_port=self.litellm_port,
            upstream_port=self.upstream_port,
            litellm=json.dumps(litellm or (*fake, "litellm", str(self.folder), str(self.litellm_port), active)),
            upstream=json.dumps(upstream or (*fake, "upstream", str(self.folder))),
        )

    def write(self, **programs: tuple[str, ...]) -> Workspace:
        """Write the config; see `config_text`."""
        self.config.write_text(self.config_text(**programs))
        return self

    def edit_config(self, *changes: tuple[str, str]) -> Workspace:
        """Replace texts in the config; each must exist."""
        text = self.config.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        self.config.write_text(text)
        return self

    def set_behaviour(self, **roles: dict[str, Any]) -> None:
        """Set how the fake services behave from now on; see `behaviour` in `fake_service.py`."""
        temp = self.folder / "behaviour.new"
        temp.write_text(json.dumps(roles))
        temp.replace(self.folder / "behaviour.json")

    def service_events(self, words: str) -> list[str]:
        """Return the lines in the log of the fake services that contain some words."""
        log = self.folder / "service-events.log"
        return [line for line in log.read_text().splitlines() if words in line] if log.is_file() else []

    # --- commands

    def start(
        self, *words: str, before: tuple[str, ...] = (), program: tuple[str, ...] = INVOKE, real: bool = False
    ) -> Running:
        """Start `inv` with arguments; `before` is a command that runs it ("sh", "-c", …).

        `inv` alone is a fork of a process that has imported everything, unless it is to be `real`, as where a signal
        ends it: a process that Python starts; see `tests/commands.py`.
        """
        out, err = (self.folder / f"output-{len(self.started)}.{name}" for name in ("out", "err"))
        forks = program == INVOKE and not before and not real
        start = start_forked if forks else start_process
        with out.open("w") as stdout, err.open("w") as stderr:
            process = start([*before, *program, *words], self.environment(), stdout, stderr)
        self.started.append(Running(process, out, err))
        return self.started[-1]

    def inv(self, *words: str, code: int = 0) -> CompletedCommand:
        """Run `inv` to its end; it must have this exit code."""
        done = self.start(*words).wait_for_exit()
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        """Run `inv … --json` and parse its output."""
        return json.loads(self.inv(*words, "--json", code=code).stdout)

    # --- processes

    def processes(self) -> list[psutil.Process]:
        """Find all processes of this workspace, including the supervisor but not the test's own commands."""
        return [process for process, _ in self._processes()]

    def _processes(self) -> Iterator[tuple[psutil.Process, list[str]]]:
        """Find the processes and the words of each; a process that is ending has no words, and is left out."""
        commands = {running.process.pid for running in self.started}
        for process in psutil.process_iter():
            if process.pid in commands:
                continue
            try:
                words, folder = process.cmdline(), process.cwd()
            except psutil.Error:  # it has ended, or belongs to another user
                continue
            if words and any(f"{word}/".startswith(f"{self.folder}/") for word in (folder, *words)):
                yield process, words

    def command_lines(self) -> list[list[str]]:
        """Return the words of each process of this workspace."""
        return [words for _, words in self._processes()]

    def services(self) -> list[psutil.Process]:
        """Find all processes of this workspace except the supervisor."""
        return [process for process, words in self._processes() if SUPERVISOR_MODULE not in words]

    def supervisor(self) -> psutil.Process:
        """Find the supervisor."""
        return next(process for process, words in self._processes() if SUPERVISOR_MODULE in words)

    def nothing_runs(self) -> bool:
        """Return whether no service runs now, and soon no supervisor."""
        return not self.services() and wait(lambda: not self.processes())

    def pids(self) -> dict[str, int]:
        """Return the process of each service that runs, as `status` reports it."""
        services = self.json("status")["services"]
        return {name: one["pid"] for name, one in services.items() if one["pid"]}

    def snapshot(self) -> dict[str, tuple[int, int]]:
        """Return size and date of every file, except the output of the test's commands."""
        found = dict[str, tuple[int, int]]()
        for path in self.folder.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # a file that is replaced has another name for a moment
                if not path.name.startswith("output-") and not path.is_dir():
                    about = path.lstat()
                    found[str(path)] = about.st_size, about.st_mtime_ns
        return found

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill_processes()

    def kill_processes(self) -> None:
        """Kill all processes of this workspace by their pids, and wait until none is left."""
        for running in self.started:
            if running.process.poll() is None:
                running.process.kill()
            running.process.wait()
        assert wait(self._kill_what_is_left), self.processes()

    def _kill_what_is_left(self) -> bool:
        """Kill what runs now, supervisors first: they would start a service again. Return whether nothing runs."""
        left = sorted(self._processes(), key=lambda one: SUPERVISOR_MODULE not in one[1])
        for process, _ in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return not left


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt in this process, also if the run is in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def free_port() -> int:
    """Return a free port that no other test process of this machine uses, and that no recent call has returned."""
    return next(port for port in PORTS if sockets.is_free("127.0.0.1", port))


def _ports() -> Iterator[int]:
    """Give the ports of blocks that this process has reserved; a block is reserved until the process ends."""
    folder, own = Path(tempfile.gettempdir()) / f"flowgate-test-ports-{os.getuid()}", list[int]()
    folder.mkdir(mode=0o700, exist_ok=True)
    for first in range(FIRST_PORT, LAST_PORT, BLOCK):
        handle = os.open(folder / str(first), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another test process has it
            os.close(handle)
            continue
        own.append(first)
        yield from range(first, first + BLOCK)
        if len(own) == MOST_BLOCKS:
            break
    while own:
        for first in own:
            yield from range(first, first + BLOCK)


PORTS = _ports()


def wait(condition: Callable[[], object], seconds: float = LOADED_SECONDS) -> bool:
    """Wait until a condition is true; return whether it became true."""
    return bool(poll(condition, Clock(), every=0.02, timeout=seconds))


def until(condition: Callable[[], object], seconds: float = LOADED_SECONDS) -> None:
    """Wait until a condition is true; it must become true."""
    assert wait(condition, seconds), f"still not true after {seconds:g} s"


def contents(folder: Path) -> dict[Path, bytes]:
    """Read all files of a folder in which a gateway may be writing: those that vanish meanwhile are left out."""
    found = dict[Path, bytes]()
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                found[path] = path.read_bytes()
    return found


def without_crash(done: CompletedCommand) -> CompletedCommand:
    """Return the command, after a check that it did not crash."""
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert done.returncode != 70, done.stderr
    return done


def pytest_configure() -> None:
    """Let the tests depend neither on their process nor on how it was started.

    Workers of xdist, which run as `python -c`, count as `inv`, as pytest itself does. In the background of a shell
    Ctrl-C is ignored, after `nohup` the end of a terminal: programs would inherit that, but not a function.
    """
    sys.argv[0] = "pytest"
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_sessionfinish() -> None:
    """End the process whose forks ran the commands."""
    WARM_SERVER.close()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests of one module, and all tests of the shared real gateway, in the same worker."""
    from xdist.scheduler import LoadFileScheduling

    class ByModule(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return "the gateway" if module in shared else module

    shared = {
        str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "tests").rglob("test_*.py") if _uses_gateway(path)
    }
    return ByModule(config, log)


def _uses_gateway(module: Path) -> bool:
    return "gateway: Gateway" in module.read_text()


@pytest.fixture
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with fake services. Its folder has a short name, because socket paths are limited."""
    with Workspace(tmp_path_factory.mktemp("g")).write() as created:
        yield created

"""A place of its own for every test that runs the real `inv`: a config, a runtime folder, free ports, a home."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowgate.system import sockets
from flowgate.system.clock import Clock, poll

CHECKOUT = Path(__file__).resolve().parent.parent
STANDIN = CHECKOUT / "tests" / "live" / "standin.py"
KEEPER = "flowgate.supervisor.daemon"

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

# Below the range from which the system serves outgoing connections: nobody else is given these by chance.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PORTS = itertools.count(20_000 + WORKER % 4 * 2_500 + os.getpid() * 20 % 2_000)

CompletedCommand = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Running:
    """A command under way; what it says so far stands in two files."""

    process: subprocess.Popen[str]
    out: Path
    err: Path

    def message(self) -> str:
        """Give what people have been told so far."""
        return self.err.read_text()

    def wait_for_message(self, words: str, seconds: float = 20.0) -> None:
        """Wait until people have been told something."""
        assert wait(lambda: words in self.message(), seconds), f"never said {words!r}:\n{self.message()}"

    def wait_for_exit(self, seconds: float = 40.0) -> CompletedCommand:
        """Wait for its end."""
        code = self.process.wait(seconds)
        return without_crash(CompletedCommand(self.process.args, code, self.out.read_text(), self.message()))

    def signal(self, number: int) -> None:
        """Send just this command a signal."""
        self.process.send_signal(number)


@dataclass
class Workspace:
    """Where one test's `inv` works: nothing of it is the checkout's or the user's."""

    folder: Path
    litellm_port: int = field(default_factory=lambda: free_port())
    upstream_port: int = field(default_factory=lambda: free_port())
    begun: list[Running] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "flowgate.yaml"

    @property
    def runtime(self) -> Path:
        return self.folder / ".router" / "runtime"

    def environment(self) -> dict[str, str]:
        """Give all that an `inv` of this test sees."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {**kept, "HOME": str(home), "FLOWGATE_CONFIG": str(self.config), **self.variables}

    # --- the config

    def text(self, litellm: tuple[str, ...] | None = None, upstream: tuple[str, ...] | None = None) -> str:
        """Give the config's text: over stand-ins, unless other programs are named."""
        mine = (sys.executable, str(STANDIN))
        active = str(self.runtime / "litellm.active.yaml")
        return CONFIG.format(
            litellm_port=self.litellm_port,
            upstream_port=self.upstream_port,
            litellm=json.dumps(litellm or (*mine, "litellm", str(self.folder), str(self.litellm_port), active)),
            upstream=json.dumps(upstream or (*mine, "upstream", str(self.folder))),
        )

    def write(self, **programs: tuple[str, ...]) -> Workspace:
        """Write the config."""
        self.config.write_text(self.text(**programs))
        return self

    def edit_config(self, *changes: tuple[str, str]) -> Workspace:
        """Change words in the config; each must be there."""
        text = self.config.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        self.config.write_text(text)
        return self

    def behave(self, **roles: dict[str, Any]) -> None:
        """Tell the stand-ins how to behave from now on."""
        fresh = self.folder / "behaviour.new"
        fresh.write_text(json.dumps(roles))
        fresh.replace(self.folder / "behaviour.json")

    def seen(self, what: str) -> list[str]:
        """Give the lines of what the stand-ins saw that hold these words."""
        log = self.folder / "seen.log"
        return [line for line in log.read_text().splitlines() if what in line] if log.is_file() else []

    # --- commands

    def start(self, *words: str, before: tuple[str, ...] = ()) -> Running:
        """Start `inv` with these words.

        before: a program that runs it ("sh", "-c", …)
        """
        out, err = (self.folder / f"said-{len(self.begun)}.{name}" for name in ("out", "err"))
        argv = [*before, sys.executable, "-m", "invoke", *words]
        with out.open("w") as stdout, err.open("w") as stderr, interruptible():
            process = subprocess.Popen(
                argv, cwd=CHECKOUT, env=self.environment(), stdout=stdout, stderr=stderr, text=True
            )
        self.begun.append(Running(process, out, err))
        return self.begun[-1]

    def inv(self, *words: str, code: int = 0) -> CompletedCommand:
        """Run `inv` with these words to its end; it must end with this code."""
        done = self.start(*words).wait_for_exit(90.0)
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        """Run `inv … --json` and read its document."""
        return json.loads(self.inv(*words, "--json", code=code).stdout)

    # --- what is left

    def processes(self) -> list[psutil.Process]:
        """Find every process that works here, the keeper too; never a command of the test itself."""
        mine = {running.process.pid for running in self.begun}
        return [one for one in psutil.process_iter() if one.pid not in mine and self._is_here(one)]

    def _is_here(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            words = [process.cwd(), *process.cmdline()]
        except psutil.Error:  # it has just ended, or is another user's
            return False
        return any(word.startswith(str(self.folder)) for word in words)

    def services(self) -> list[psutil.Process]:
        """Find every process here but the keeper."""
        return [one for one in self.processes() if KEEPER not in _words(one)]

    def supervisor(self) -> psutil.Process:
        """Find the keeper."""
        return next(one for one in self.processes() if KEEPER in _words(one))

    def nothing_runs(self) -> bool:
        """Say whether nothing is left running: no service now, and soon no keeper either, also after a kill -9."""
        return not self.services() and bool(wait(lambda: not self.processes(), 10.0))

    def snapshot(self) -> dict[str, tuple[int, int]]:
        """Give every file of the place with its size and date, but for what commands said."""
        found = [path for path in self.folder.rglob("*") if not path.name.startswith("said-")]
        return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in found if not path.is_dir()}

    def kill_processes(self) -> None:
        """End whatever is left, each process by its id."""
        for running in self.begun:
            if running.process.poll() is None:
                running.process.kill()
            running.process.wait()
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let children be interrupted, also where the tests themselves run in a background that ignores Ctrl-C."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def free_port() -> int:
    """Give a port that nobody listens on, each only once."""
    return next(port for port in PORTS if sockets.is_free("127.0.0.1", port))


def wait(fact: Callable[[], object], seconds: float = 10.0) -> bool:
    """Wait until a fact is true; say whether it has become so."""
    return bool(poll(fact, Clock(), every=0.02, timeout=seconds))


def without_crash(done: CompletedCommand) -> CompletedCommand:
    """Refuse what no output may ever hold."""
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert done.returncode != 70, done.stderr
    return done


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep together what shares something: each module's tests, and all that ask the one real gateway."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return "the gateway" if module in shared else module

    shared = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "tests").rglob("test_*.py") if _asks(path)}
    return Together(config, log)


def _asks(module: Path) -> bool:
    return "gateway: Gateway" in module.read_text()


@pytest.fixture
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A place with stand-ins for both programs; the name of its folder is short, for the sake of socket paths."""
    place = Workspace(tmp_path_factory.mktemp("g")).write()
    yield place
    place.kill_processes()

"""Start the embedded upstream, with the real program's command line and its ways of ending."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from flowgate.embedded_upstream.settings import Settings
    from flowgate.embedded_upstream.state import State
    from flowgate.embedded_upstream.versions import Contract

LOOK_SECONDS = 0.1
STOP_GRACE_SECONDS = 30.0  # the real program's grace runs from its start: up longer, it cuts what is under way

OWN, OWN_SWITCHES = ("contract", "lie", "callback-ports"), ("faults",)  # flags that the real program does not have
VALUED = ("config", "password", "oauth-callback-port", "project_id", "vertex-import", *OWN)
LOGINS = (
    *("login", "codex-login", "claude-login", "qwen-login", "iflow-login", "iflow-cookie", "antigravity-login"),
    *("kimi-login", "github-copilot-login", "kiro-login", "kiro-google-login", "kiro-aws-login"),
    *("kiro-aws-authcode", "kiro-import"),
)
SWITCHES = ("no-browser", "incognito", "no-incognito", *LOGINS, *OWN_SWITCHES)


class WrongFlag(Exception):
    """A flag that the real program would refuse."""


def log(text: str, level: str = "info", place: str = "embedded.py:1") -> None:
    """Write a line in the real program's form."""
    now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    print(f"[{now}] [--------] [{level:<5}] [{place}] {text}", flush=True)


def flags(words: list[str]) -> dict[str, str]:
    """Read Go's way of writing flags: `-x V`, `--x V`, `-x=V`.

    Raises:
        WrongFlag: See the message.
    """
    found: dict[str, str] = {}
    left = list(words)
    while left and left[0].startswith("-") and left[0] not in ("-", "--"):
        name, equals, value = left.pop(0).lstrip("-").partition("=")
        if name in ("h", "help"):
            found["help"] = "true"
        elif name in VALUED:
            if not equals and not left:
                raise WrongFlag(f"flag needs an argument: -{name}")
            found[name] = value if equals else left.pop(0)
        elif name in SWITCHES:
            found[name] = value or "true"
        else:
            raise WrongFlag(f"flag provided but not defined: -{name}")
    return found


def usage() -> None:
    """Write the flags to stderr."""
    lines = [f"  -{name}{' string' if name in VALUED else ''}" for name in sorted((*VALUED, *SWITCHES))]
    print("Usage of embedded-upstream:\n" + "\n".join(lines), file=sys.stderr)


def main(words: list[str]) -> int:
    """Run; give the exit code: 0 for nearly everything, as the real program does, 2 for a wrong flag."""
    from flowgate.embedded_upstream.versions import CONTRACTS

    try:
        given = flags(words)
    except WrongFlag as wrong:
        print(CONTRACTS["6.8"].line(), flush=True)
        print(wrong, file=sys.stderr)
        usage()
        return 2
    if given.get("lie") == "list":
        return _list_lies()
    named = given.get("contract") or _configured(Path(given.get("config") or "config.yaml")) or "6.8"
    contract = CONTRACTS.get(named)
    if contract is None:
        print(f"the contract must be {' or '.join(CONTRACTS)}, not '{named}'", file=sys.stderr)
        return 2
    print(contract.line(), flush=True)
    if "help" in given:
        usage()
        return 0
    print("This is FlowGate's embedded upstream: it stands in for CLIProxyAPIPlus and is not a provider.", flush=True)
    return _start(given, contract)


def _configured(path: Path) -> str:
    """Say which contract the config asks for; one that cannot be read is told of later, after the version line."""
    from flowgate.embedded_upstream.settings import BadConfig, load

    try:
        return load(path).contract
    except BadConfig:
        return ""


def _list_lies() -> int:
    from flowgate.embedded_upstream.lies import LIES

    for name, says in LIES.items():
        print(f"{name:20} {says}")
    return 0


def _start(given: dict[str, str], contract: Contract) -> int:
    """Read the config and serve; what the flags leave open, `embedded` in the config may say."""
    from flowgate.embedded_upstream.config_file import settle
    from flowgate.embedded_upstream.faults import Vendors
    from flowgate.embedded_upstream.lies import UnknownLie, read
    from flowgate.embedded_upstream.settings import BadConfig, load
    from flowgate.embedded_upstream.state import State
    from flowgate.embedded_upstream.versions import EXAMPLE_KEYS

    path = Path(given.get("config") or "config.yaml")
    try:
        settings = settle(path, load(path))
    except BadConfig as fault:
        log(str(fault), "error", contract.place)
        return 0
    except OSError as error:
        log(f"the management key stays in memory only: {error.strerror}", "warn")
        settings = load(path)
    if any(name in given for name in LOGINS):
        log("the embedded upstream has no vendors to log in to", "warn")
        return 0
    if settings.host not in ("127.0.0.1", "localhost"):
        log(f"the embedded upstream listens on loopback only, not on '{settings.host}'", "error")
        return 0
    try:
        lies = read(given.get("lie") or ",".join(settings.lies))
        state = State(settings, _access, path, contract, lies=lies)
        state.callback_ports = _ports(given.get("callback-ports", ""))
    except (UnknownLie, ValueError) as wrong:
        print(wrong, file=sys.stderr)
        return 2
    if "faults" in given:
        state.vendors = Vendors()
    state.password = os.environ.get("MANAGEMENT_PASSWORD", "")
    state.unsafe = contract.newer and bool(set(settings.api_keys) & set(EXAMPLE_KEYS))
    return _serve(state)


def _ports(text: str) -> dict[str, int]:
    """Read `codex=0,all=4000`: other callback ports than the vendors'; 0 is any free one."""
    return {name: int(port) for name, _, port in (pair.partition("=") for pair in text.split(",") if pair)}


def _access(text: str) -> None:
    log(text, place="gin_logger.go:93")


def _serve(state: State) -> int:
    from flowgate.embedded_upstream.startup_checks import CannotOpen, listen, make_folder

    settings = state.settings
    started = f"API server started successfully on: {settings.host}:{settings.port}"
    try:
        if make_folder(settings.auth_dir):
            log(f"created missing auth directory: {settings.auth_dir}", place="service.go:724")
    except CannotOpen as fault:
        return _not_served(fault)
    if "busy-exit-0" in state.lies:
        print(started, flush=True)
        return 0
    try:
        listener = listen(settings.host, settings.port)
    except CannotOpen as fault:
        print(started, flush=True)  # the real program says so even then
        return _not_served(fault)
    print(started, flush=True)
    asyncio.run(_run(state, listener))
    return 0


def _not_served(fault: Exception) -> int:
    log(f"proxy service exited with error: {fault}", "error", "run.go:53")
    return 0


async def _run(state: State, listener: socket.socket) -> None:
    import uvicorn

    from flowgate.embedded_upstream.app import Upstream
    from flowgate.embedded_upstream.config_file import settle
    from flowgate.embedded_upstream.middleware import Front
    from flowgate.embedded_upstream.settings import Watcher

    front = Front(Upstream(state), time.monotonic)
    config = uvicorn.Config(front, lifespan="off", ws="none", log_config=None, access_log=False, server_header=False)

    class Server(uvicorn.Server):
        """A server that stops as the real program does."""

        began = time.monotonic()

        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
            yield

        def stop(self) -> None:
            left = self.began + STOP_GRACE_SECONDS - time.monotonic()
            if left <= 0:
                self.cut()  # what is under way is cut at once
            asyncio.get_running_loop().call_later(left, self.cut)
            self.should_exit = True
            if state.vendors:
                state.vendors.ending.set()

        def cut(self) -> None:
            if front.under_way:
                log("failed to shutdown HTTP server: context deadline exceeded", "error", "service.go:560")
            os._exit(0)

    def use(new: Settings) -> None:
        state.settings = new
        state.settings = settle(state.config, new)

    watching = [asyncio.create_task(Watcher(state.config, use, log).watch()), asyncio.create_task(_accounts(state))]
    await Server(config).serve(sockets=[listener])
    for task in watching:
        task.cancel()


async def _accounts(state: State) -> None:
    """Look at the auth folder for ever."""
    while True:
        state.accounts.scan()
        await asyncio.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

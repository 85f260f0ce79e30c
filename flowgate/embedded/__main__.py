"""Start the embedded upstream, with the real program's command line and its ways of ending."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowgate.embedded.settings import Settings

VERSION = "6.8.16-0-plus"
STOP_GRACE_SECONDS = 30.0  # the real program's grace runs from its start: up longer, it cuts what is under way

VALUED = ("config", "password", "oauth-callback-port", "project_id", "vertex-import")
LOGINS = (
    *("login", "codex-login", "claude-login", "qwen-login", "iflow-login", "iflow-cookie", "antigravity-login"),
    *("kimi-login", "github-copilot-login", "kiro-login", "kiro-google-login", "kiro-aws-login"),
    *("kiro-aws-authcode", "kiro-import"),
)
SWITCHES = ("no-browser", "incognito", "no-incognito", *LOGINS)


class WrongFlag(Exception):
    """A flag that the real program would refuse."""


def log(text: str, level: str = "info", place: str = "embedded.py:1") -> None:
    """Write a line in the real program's form."""
    now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    print(f"[{now}] [--------] [{level:<5}] [{place}] {text}", flush=True)


def flags(words: list[str]) -> dict[str, str]:
    """Read Go's way of writing flags: `-x V`, `--x V`, `-x=V`.

    Fails with: WrongFlag
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
    built = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"CLIProxyAPI Version: {VERSION}, Commit: embedded, BuiltAt: {built}", flush=True)
    try:
        given = flags(words)
    except WrongFlag as wrong:
        print(wrong, file=sys.stderr)
        usage()
        return 2
    if "help" in given:
        usage()
        return 0
    print("This is FlowGate's embedded upstream: it stands in for CLIProxyAPIPlus and is not a provider.", flush=True)
    from flowgate.embedded.settings import BadConfig, load

    path = Path(given.get("config") or "config.yaml")
    try:
        settings = load(path)
    except BadConfig as fault:
        log(str(fault), "error", "main.go:412")
        return 0
    if any(name in given for name in LOGINS):
        log("the embedded upstream has no vendors to log in to", "warn")
        return 0
    if settings.host not in ("127.0.0.1", "localhost"):
        log(f"the embedded upstream listens on loopback only, not on '{settings.host}'", "error")
        return 0
    return _serve(path, settings)


def _serve(path: Path, settings: Settings) -> int:
    if settings.auth_dir and not Path(settings.auth_dir).is_dir():
        Path(settings.auth_dir).mkdir(parents=True, mode=0o700)
        log(f"created missing auth directory: {settings.auth_dir}", place="service.go:724")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        print(f"API server started successfully on: {settings.host}:{settings.port}", flush=True)
        reason = "address already in use" if error.errno == errno.EADDRINUSE else (error.strerror or "").lower()
        where = f"listen tcp {settings.host}:{settings.port}: bind: {reason}"
        log(f"proxy service exited with error: failed to start HTTP server: {where}", "error", "run.go:53")
        return 0
    print(f"API server started successfully on: {settings.host}:{settings.port}", flush=True)
    asyncio.run(_run(path, settings, listener))
    return 0


async def _run(path: Path, settings: Settings, listener: socket.socket) -> None:
    import uvicorn

    from flowgate.embedded.app import Front, Upstream
    from flowgate.embedded.settings import Watcher

    upstream = Upstream(settings, lambda text: log(text, place="gin_logger.go:93"))
    front = Front(upstream, time.monotonic)
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
            if time.monotonic() - self.began > STOP_GRACE_SECONDS:
                if front.under_way:
                    log("failed to shutdown HTTP server: context deadline exceeded", "error", "service.go:560")
                os._exit(0)  # what is under way is cut at once
            self.should_exit = True

    def use(new: Settings) -> None:
        upstream.settings = new

    watching = asyncio.create_task(Watcher(path, use, log).watch())
    await Server(config).serve(sockets=[listener])
    watching.cancel()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

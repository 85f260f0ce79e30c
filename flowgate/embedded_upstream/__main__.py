"""Start the embedded upstream, with the real program's command line and exit codes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from starlette.types import ASGIApp

from flowgate.embedded_upstream.accounts import Accounts
from flowgate.embedded_upstream.app import Upstream
from flowgate.embedded_upstream.command_line import LOGINS, FlagError, parse_flags, parse_ports, usage
from flowgate.embedded_upstream.config_file import hash_secret
from flowgate.embedded_upstream.faulty_vendors import FaultyVendors
from flowgate.embedded_upstream.server import serve
from flowgate.embedded_upstream.settings import ConfigError, Settings, load
from flowgate.embedded_upstream.startup_checks import StartupError, listen, make_folder
from flowgate.embedded_upstream.state import State
from flowgate.embedded_upstream.versions import CONTRACTS, EXAMPLE_KEYS, Contract

CreateApp = Callable[[State, FaultyVendors | None], ASGIApp]


def log(text: str, level: str = "info", source: str = "embedded.py:1") -> None:
    """Write a log line in the real program's format.

    Args:
        text: The message.
        level: `info`, `warn` or `error`.
        source: File and line, as the real program logs them.
    """
    now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    print(f"[{now}] [--------] [{level:<5}] [{source}] {text}", flush=True)


def create_app(state: State, vendors: FaultyVendors | None) -> ASGIApp:
    """Create the application."""
    return Upstream(state, vendors).app


def main(words: list[str], create: CreateApp = create_app) -> int:
    """Run the program.

    Args:
        words: The command line without the program.
        create: Creates the application; tests wrap it.

    Returns:
        The exit code: 2 for an invalid flag, 0 for everything else, as in the real program.
    """
    try:
        flags = parse_flags(words)
    except FlagError as error:
        print(CONTRACTS["6.8"].version_line(), flush=True)
        print(f"{error}\n{usage()}", file=sys.stderr)
        return 2
    name = flags.get("contract") or _configured_contract(_config_path(flags)) or "6.8"
    contract = CONTRACTS.get(name)
    if contract is None:
        *first, last = CONTRACTS
        print(f"the contract must be {', '.join(first)} or {last}, not '{name}'", file=sys.stderr)
        return 2
    print(contract.version_line(), flush=True)
    if "help" in flags:
        print(usage(), file=sys.stderr)
        return 0
    print(
        "This is FlowGate's embedded upstream: it takes the place of CLIProxyAPIPlus and is not a provider.", flush=True
    )
    return _start(flags, contract, create)


def _config_path(flags: dict[str, str]) -> Path:
    return Path(flags.get("config") or "config.yaml")


def _configured_contract(path: Path) -> str:
    try:
        return load(path).contract
    except ConfigError:
        return ""  # reported after the version line


def _start(flags: dict[str, str], contract: Contract, create: CreateApp) -> int:
    """Read the config and serve."""
    path = _config_path(flags)
    try:
        settings = _load(path)
    except ConfigError as error:
        log(str(error), "error", contract.config_error_source)
        return 0
    if any(name in flags for name in LOGINS):
        log("the embedded upstream has no vendors to log in to", "warn")
        return 0
    if settings.host not in ("127.0.0.1", "localhost"):
        log(f"the embedded upstream listens on loopback only, not on '{settings.host}'", "error")
        return 0
    try:
        ports = parse_ports(flags.get("callback-ports", ""))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    state = State(
        settings,
        _log_access,
        path,
        contract,
        Accounts(Path(settings.auth_dir), contract, _log_access),
        password=os.environ.get("MANAGEMENT_PASSWORD", ""),
        safe_mode=contract.newer and bool(set(settings.api_keys) & set(EXAMPLE_KEYS)),
        callback_ports=ports,
    )
    return _serve(state, FaultyVendors() if "faults" in flags else None, create)


def _load(path: Path) -> Settings:
    settings = load(path)
    try:
        return hash_secret(path, settings)
    except OSError as error:
        log(f"the management key stays in memory only: {error.strerror}", "warn")
        return settings


def _log_access(text: str) -> None:
    log(text, source="gin_logger.go:93")


def _serve(state: State, vendors: FaultyVendors | None, create: CreateApp) -> int:
    settings = state.settings
    started = f"API server started successfully on: {settings.host}:{settings.port}"
    try:
        if make_folder(settings.auth_dir):
            log(f"created missing auth directory: {settings.auth_dir}", source="service.go:724")
        try:
            listener = listen(settings.host, settings.port)
        finally:
            print(started, flush=True)  # the real program prints it even if the port is taken
    except StartupError as error:
        log(f"proxy service exited with error: {error}", "error", "run.go:53")
        return 0
    asyncio.run(serve(create(state, vendors), state, vendors, listener, log))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

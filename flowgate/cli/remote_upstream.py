"""The CLIProxyAPIPlus that runs elsewhere, as `status`, `health` and `doctor` report it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

from flowgate.cli import console
from flowgate.cli.checks.finding import Finding, edit_command
from flowgate.cli.session import Session
from flowgate.config.remote_upstream import NAME
from flowgate.gateway import remote_probe
from flowgate.gateway.remote_probe import Probe
from flowgate.gateway.remote_upstream import required

CHECK = "upstream"
UNENCRYPTED = "keys and prompts go to {url} without encryption, as allow_http says"


class RemoteReport(TypedDict):
    """A CLIProxyAPIPlus that runs elsewhere; docs/json.md describes the keys."""

    url: str
    ready: bool | None
    status: int | None
    error: str
    seconds: float
    models: int


def ask(session: Session) -> Probe | None:
    """Ask the remote whether it is ready; None if the gateway has none.

    Args:
        session: The session of this command.
    """
    if session.config.remote is None:
        return None
    from flowgate.cli.checks import runtime

    context = runtime.read_only_context(session, [])
    return remote_probe.probe(session.config, context.key(session.config.remote.key))


def report(session: Session) -> RemoteReport | None:
    """Return what `status --json` says about the remote; None if the gateway has none.

    Args:
        session: The session of this command.
    """
    found = ask(session)
    if found is None:
        return None
    return {
        "url": required(session.config).url,
        "ready": found.ready,
        "status": found.status,
        "error": found.error,
        "seconds": round(found.seconds, 4),
        "models": found.models,
    }


def row(found: RemoteReport) -> list[str]:
    """Return the row of `status`: what runs elsewhere has no pid here.

    Args:
        found: The report.
    """
    milliseconds = f"{found['seconds'] * 1000:.0f} ms"
    words = {True: f"ready in {milliseconds}", False: "not ready", None: "unknown"}[found["ready"]]
    return [NAME, f"remote, {words}", *["-"] * 5, found["url"]]


def print_trouble(session: Session, found: RemoteReport | None) -> None:
    """Print why the remote is not ready.

    Args:
        session: The session of this command.
        found: The report; None if the gateway has no remote.
    """
    if found and not found["ready"]:
        console.note(f"error: {NAME}: {found['error']}")
        console.note(f"  fix: {remote_probe.fix(session.config, found['error'], found['status'])}")


def check(session: Session) -> Iterator[Finding]:
    """Check that the remote is ready and accepts the key, and that nobody can read what is sent to it."""
    found = ask(session)
    if found is None:
        return
    remote = required(session.config)
    if found.ready:
        yield Finding(CHECK, "pass", f"{remote.url} is ready ({found.seconds * 1000:.0f} ms, {found.models} models)")
    else:
        status = "fail" if found.ready is False else "warn"
        yield Finding(CHECK, status, f"{remote.url} is not ready: {found.error}", found.fix)
    if remote.allow_http:
        place = edit_command(session.config.place(f"services.{NAME}.allow_http"))
        yield Finding(CHECK, "warn", UNENCRYPTED.format(url=remote.url), place)

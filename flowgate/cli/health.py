"""The command `health`: liveness and readiness of the services. It calls no model, so it costs nothing.

Unknown differs from "not ready": a timeout makes the result unknown, a slow response is a response, and a failed try is
repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import console, reach, refused_config, shared_state
from flowgate.cli.service_faults import recover_supervisor
from flowgate.cli.session import Session
from flowgate.domain import Secret
from flowgate.errors import ResponseTimeout, Unreachable
from flowgate.gateway import cliproxy, litellm, remote_probe, upstream_version
from flowgate.system.clock import Clock, poll

if TYPE_CHECKING:
    from flowgate.supervisor.status_document import ServiceStatus

TRIES = 3
PAUSE_SECONDS = 0.3  # between tries; CLIProxyAPIPlus refuses connections for 0.2 s while it restarts
TIMEOUT_SECONDS = 5.0
MODELS = "/v1/models"  # requested if the config names no path; needs a key, costs nothing


class Health(TypedDict):
    """The health of one service; docs/json.md describes the keys."""

    live: bool | None
    ready: bool | None
    status: int | None
    error: str
    seconds: float
    misses: int
    url: str


def health(config: str, as_json: bool) -> int:
    """Print liveness and readiness of every service.

    Args:
        config: Path after `--config`; empty to search for the config.
        as_json: Print one JSON document.

    Returns:
        0 if every service is alive and ready, else 1. A config that was refused does not count: the one before serves.
    """
    session, refused = refused_config.open_serving(config)
    recover_supervisor(session)
    found = session.supervisor.status()["services"]
    services = {name: check(session, name, found.get(name, {})) for name in session.config.services}
    services |= _remote(session)
    healthy = all(one["live"] and one["ready"] for one in services.values())
    redis = shared_state.report(session)
    if as_json:
        document = {"ok": healthy, "services": services, "redis": redis, "config_refused": refused}
        console.document(document)
        return 0 if healthy else 1
    console.note(session.describe())
    remote_name = cliproxy.NAME if session.config.remote else ""
    console.table([_row(name, one, name == remote_name) for name, one in services.items()], heading=False)
    shared_state.print_trouble(redis)
    refused_config.print_refused(refused, session)
    if not healthy:
        remote = services.get(cliproxy.NAME) if session.config.remote else None
        if remote and not remote["ready"]:
            console.note(f"fix: {remote_probe.fix(session.config, remote['error'], remote['status'])}")
            return 1
        down = any(one["live"] is False or one["ready"] is False for one in services.values())
        console.note("fix: inv up" if down else "fix: try again: inv health")
        if all(one["live"] is False for one in services.values()):
            reach.print_others(session, "health")
    return 0 if healthy else 1


def _row(name: str, one: Health, remote: bool = False) -> list[str]:
    mark = "=" if one["live"] and one["ready"] else "!"
    live = {True: "alive", False: "not running", None: "unknown"}[one["live"]]
    live = "remote" if remote else live
    ready = {True: "ready", False: "not ready", None: "unknown"}[one["ready"]]
    result = one["error"] or f"{one['status']} in {one['seconds'] * 1000:.0f} ms"
    misses = f", failed tries before: {one['misses']}" if one["misses"] and one["ready"] else ""
    return [f"{mark} {name}", live, ready, one["url"], result + misses]


def _remote(session: Session) -> dict[str, Health]:
    """Return the health of a CLIProxyAPIPlus that runs elsewhere: it lives if it responds."""
    from flowgate.cli import remote_upstream

    found = remote_upstream.ask(session)
    if found is None:
        return {}
    live = True if found.status is not None else found.ready
    result = Health(
        live=live, ready=found.ready, status=found.status, error=found.error, seconds=0.0, misses=0, url=found.url
    )
    return {cliproxy.NAME: {**result, "seconds": round(found.seconds, 4)}}


def check(session: Session, name: str, found: ServiceStatus, *, timeout: float = TIMEOUT_SECONDS) -> Health:
    """Check one service.

    Args:
        session: The session of this command.
        name: The service.
        found: Its part of the supervisor's status.
        timeout: Seconds without a response after which readiness is unknown.
    """
    settings = session.config.services[name]
    generations = found.get("generations", ())
    serving = next((one for phase in ("serving", "orphaned") for one in generations if one["phase"] == phase), None)
    path = _path(session, name)
    base = f"http://{settings.host}:{serving['port'] if serving else settings.port}"
    result = Health(live=False, ready=False, status=None, error="", seconds=0.0, misses=0, url=base + path)
    if serving is None:
        result["error"] = found.get("failure") or "not running"
        return result
    if silent := serving.get("silent"):
        result |= {"live": None, "ready": False, "error": f"process {serving.get('pid')} {silent}"}
        return result
    result["live"] = True if serving["phase"] == "serving" else None  # without a supervisor, an exit goes unnoticed

    def is_not_refused() -> bool:
        _request(session, name, (base, path), timeout, result)
        result["misses"] += result["ready"] is False
        return result["ready"] is not False

    poll(is_not_refused, Clock(), every=PAUSE_SECONDS, ceiling=PAUSE_SECONDS, tries=TRIES)
    return result


def _path(session: Session, name: str) -> str:
    """Return the path to request: the config's, else the one that the service's version has."""
    from flowgate.cli.checks.runtime import read_only_context

    settings = session.config.services[name]
    configured = settings.readiness_path or settings.health_path
    if name != cliproxy.NAME:
        return configured or MODELS
    return upstream_version.readiness_path(read_only_context(session, []).upstream_version(), configured)


def _request(session: Session, name: str, address: tuple[str, str], timeout: float, result: Health) -> None:
    """Send one readiness request and record its result."""
    from flowgate.steps.wait_healthy import get_readiness
    from flowgate.system.http import Http

    base, path = address
    result |= {"ready": None, "status": None, "error": "", "seconds": 0.0, "url": base + path}
    try:
        answer = get_readiness(Http(read_only=True), base, path, timeout, headers=_headers(session, name, path))
    except ResponseTimeout as error:  # the service may be busy: neither ready nor not ready
        result["error"] = error.what
    except Unreachable as error:
        result |= {"ready": False, "error": error.what}
    else:
        seconds = round(answer.seconds, 4)
        result |= {"ready": answer.ok, "status": answer.status, "seconds": seconds, "url": answer.url}


def _headers(session: Session, name: str, path: str) -> dict[str, Secret]:
    """Return LiteLLM's key for its list of models."""
    from flowgate.cli.checks.runtime import read_only_context

    key = read_only_context(session, []).master_key() if (name, path) == (litellm.NAME, MODELS) else None
    return {"Authorization": key.bearer()} if key else {}

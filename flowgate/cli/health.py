"""Who is alive and who answers. Never asks a model: nothing that is asked here costs anything.

What cannot be told is unknown, which is neither yes nor no; a slow answer is an answer; one miss is asked again.
"""

from __future__ import annotations

from typing import Any

from flowgate.cli import console
from flowgate.cli.session import Session, open_session
from flowgate.cli.status import recover_supervisor
from flowgate.errors import ResponseTimeout, Unreachable
from flowgate.gateway import cliproxy, litellm, upstream_version
from flowgate.system.clock import Clock, poll

TRIES = 3
PAUSE_SECONDS = 0.3  # between two of them: a restart of CLIProxyAPIPlus refuses for 0.2 s
PATIENCE_SECONDS = 5.0
MODELS = "/v1/models"  # asked where the config names no address; it wants a key, and costs nothing
Check = dict[str, Any]


def health(config: str, as_json: bool) -> int:
    """Print liveness and readiness of every service; 1 when any is not ok, or not known to be.

    Source: keys of `--json` are documented in docs/runbook-troubleshooting.md
    """
    session = open_session(config)
    recover_supervisor(session)
    kept = session.supervisor.status()["services"]
    checks = {name: check(session, name, kept.get(name, {})) for name in session.config.services}
    healthy = all(one["live"] and one["ready"] for one in checks.values())
    if as_json:
        console.document({"ok": healthy, "services": checks})
        return 0 if healthy else 1
    console.note(session.describe())
    for name, one in checks.items():
        console.data(_line(name, one))
    if not healthy:
        dead = any(one["live"] is False or one["ready"] is False for one in checks.values())
        console.note(console.spell_commands("way out: inv up" if dead else "way out: ask again: inv health"))
    return 0 if healthy else 1


def _line(name: str, one: Check) -> str:
    mark = "=" if one["live"] and one["ready"] else "!"
    live = {True: "alive", False: "not running", None: "unknown"}[one["live"]]
    ready = {True: "ready", False: "not ready", None: "unknown"}[one["ready"]]
    answer = one["error"] or f"{one['status']} in {one['seconds'] * 1000:.0f} ms"
    missed = f", after {one['misses']} without" if one["misses"] and one["ready"] else ""
    return f"{mark} {name:<18} {live:<12} {ready:<10} {one['url']}  {answer}{missed}"


def check(session: Session, name: str, kept: dict[str, Any], *, patience: float = PATIENCE_SECONDS) -> Check:
    """Look at one service.

    Args:
        kept: What the keeper says of it.
        patience: Seconds of silence after which nothing is known.

    Returns:
        live, ready (None for unknown), status, error, seconds, misses, url.
    """
    settings = session.config.services[name]
    generations = kept.get("generations", ())
    serving = next((one for phase in ("serving", "orphaned") for one in generations if one["phase"] == phase), None)
    port = serving["port"] if serving else settings.port
    path = _path(session, name)
    found: Check = {"live": False, "ready": False, "status": None, "error": "", "seconds": 0.0, "misses": 0}
    found["url"] = f"http://{settings.host}:{port}{path}"
    if serving is None:
        return found | {"error": kept.get("failure") or "not running"}
    found["live"] = True if serving["phase"] == "serving" else None  # without a keeper nobody sees it end
    asked: list[Check] = []

    def ask() -> bool:
        asked.append(_ask(session, name, found["url"].removesuffix(path), path, patience))
        return asked[-1]["ready"] is not False

    poll(ask, Clock(), every=PAUSE_SECONDS, ceiling=PAUSE_SECONDS, tries=TRIES)
    return found | asked[-1] | {"misses": sum(one["ready"] is False for one in asked)}


def _path(session: Session, name: str) -> str:
    """Say which address is asked: the config's; else, of CLIProxyAPIPlus, the one that its version has."""
    from flowgate.cli.checks.runtime import read_only_context

    settings = session.config.services[name]
    version = read_only_context(session, []).upstream_version() if name == cliproxy.NAME else ""
    configured = settings.readiness_path or settings.health_path
    return upstream_version.readiness_path(version, configured) if name == cliproxy.NAME else configured or MODELS


def _ask(session: Session, name: str, base: str, path: str, patience: float) -> Check:
    from flowgate.steps.wait_healthy import get_readiness
    from flowgate.system.http import Http

    try:
        answer = get_readiness(Http(looking=True), base, path, patience, headers=_headers(session, name, path))
    except ResponseTimeout as silent:  # it is there and may be busy: that is no answer, and no refusal either
        return {"ready": None, "error": silent.what}
    except Unreachable as error:
        return {"ready": False, "error": error.what}
    seconds = round(answer.seconds, 4)
    return {"ready": answer.ok, "error": "", "status": answer.status, "seconds": seconds, "url": answer.url}


def _headers(session: Session, name: str, path: str) -> dict[str, Any]:
    """Show LiteLLM's key where it is asked for its models."""
    from flowgate.cli.checks.runtime import read_only_context

    key = read_only_context(session, []).master_key() if (name, path) == (litellm.NAME, MODELS) else None
    return {"Authorization": key.bearer()} if key else {}

"""What is: the profile in force, the services, their health. Never asks a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowgate.desk import say
from flowgate.desk.office import Office, enter

LIVING = ("starting", "ready", "serving", "draining", "stopping")


def status(as_json: bool) -> int:
    """Print the profile in force and every service.

    Source: keys of `--json` are documented in README.md
    """
    office = enter()
    _recover(office)
    tree = survey(office)
    if as_json:
        say.document(tree)
        return 0
    say.note(office.describe())
    profile, since = tree["profile"], tree["since"]
    say.data(f"profile  {profile['name']} ({profile['by']}{f', since {since}' if since else ''})")
    head = ["service", "state", "pid", "uptime", "memory", "generation", "restarts", "address"]
    say.table([head, *(_row(name, one) for name, one in tree["services"].items())])
    for name, one in tree["services"].items():
        for generation in one["generations"] if len(one["generations"]) > 1 else ():
            say.data(f"  {_generation(name, generation)}")
    for name, one in tree["services"].items():
        if one["failure"]:
            say.note(f"! {name}: {one['failure']}")
    for issue in tree["secrets"]:
        say.note(f"! {issue['path']} can be read by others ({issue['mode']}); chmod {issue['wanted']} {issue['path']}")
    return 0


def _recover(office: Office) -> None:
    """Let a new keeper take over what a killed one left; looking goes on when it cannot come up."""
    from flowgate.errors import Refusal

    try:
        if office.keeper.recover():
            say.note("the keeper had been killed; a new one has taken over what it kept")
    except Refusal as refusal:
        say.note(f"! {refusal.what}")


def survey(office: Office) -> dict[str, Any]:
    """Gather what `status` says, as plain data."""
    kept = office.keeper.status()
    services = {name: _service(office, name, kept["services"].get(name, {})) for name in office.config.services}
    serving = services.get("litellm", {}).get("profile") or ""
    settled = office.profile()
    state = office.state()
    return {
        "config": str(office.config.file),
        "embedded": office.config.embedded,
        "profile": {"name": serving or settled.value, "by": "serving" if serving else settled.by},
        "since": state.get("updated_at", "") if state.get("current_profile") == (serving or settled.value) else "",
        "keeper": kept["keeper"],
        "services": services,
        "secrets": open_secrets(office),
    }


def _service(office: Office, name: str, kept: dict[str, Any]) -> dict[str, Any]:
    generations = kept.get("generations", [])
    newest = next((g for g in reversed(generations) if g["phase"] == "serving"), generations[-1] if generations else {})
    settings = office.config.services[name]
    phase = newest.get("phase") or ("crashing" if kept.get("wanted") else "stopped")
    return {
        "state": phase,
        "running": phase in LIVING or phase == "orphaned",
        "pid": newest.get("pid"),
        "uptime_seconds": newest.get("seconds"),
        "memory_bytes": newest.get("memory"),
        "generation": newest.get("number"),
        "restarts": kept.get("restarts", 0),
        "failure": kept.get("failure", ""),
        "host": newest.get("host", settings.host),
        "port": newest.get("port", settings.port),
        "profile": newest.get("labels", {}).get("profile"),
        "embedded": Path(settings.args[0]).name == "embedded-upstream",
        "generations": [
            {key: one.get(key) for key in ("number", "phase", "pid", "seconds", "open_connections", "under_way")}
            | {key: one.get("labels", {}).get(key) for key in ("profile", "by")}
            for one in generations
        ],
    }


def _row(name: str, one: dict[str, Any]) -> list[str]:
    return [
        name,
        one["state"],
        str(one["pid"] or "-"),
        _duration(one["uptime_seconds"]),
        f"{one['memory_bytes'] / 1e6:.0f} MB" if one["memory_bytes"] else "-",
        str(one["generation"] or "-"),
        str(one["restarts"]),
        f"http://{one['host']}:{one['port']}{' (embedded upstream, not a provider)' if one['embedded'] else ''}",
    ]


def _generation(name: str, one: dict[str, Any]) -> str:
    """Tell of one generation among several: what it does, since when, by whose order, and what it still answers."""
    under_way = f", {one['under_way']} answers under way" if one["under_way"] is not None else ""
    still = f", {one['open_connections']} connections open" if one["open_connections"] is not None else ""
    by = f" by {one['by']}" if one["by"] else ""
    profile = f" {one['profile']}" if one["profile"] else ""
    since = _duration(one["seconds"])
    return f"{name} generation {one['number']}{profile}: {one['phase']}, started {since} ago{by}{still}{under_way}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole % 3600 // 60} min"


def open_secrets(office: Office) -> list[dict[str, str]]:
    """Find secret files and folders that others can read."""
    from flowgate.desk.exposure import exposed

    found = exposed(office.config)
    return [{"path": str(one.path), "mode": f"{one.mode:03o}", "wanted": f"{one.wanted:03o}"} for one in found]


def health(as_json: bool) -> int:
    """Print liveness and readiness of every service; 1 when any is not ok."""
    office = enter()
    _recover(office)
    kept = office.keeper.status()["services"]
    checks = {name: _check(office, name, kept.get(name, {})) for name in office.config.services}
    healthy = all(one["live"] and one["ready"] for one in checks.values())
    if as_json:
        say.document({"ok": healthy, "services": checks})
    else:
        say.note(office.describe())
        for name, one in checks.items():
            mark = "=" if one["live"] and one["ready"] else "!"
            live = "alive" if one["live"] else "not running"
            answer = one["error"] or f"{one['status']} in {one['seconds'] * 1000:.0f} ms"
            say.data(
                f"{mark} {name:<18} {live:<12} {'ready' if one['ready'] else 'not ready':<10} {one['url']}  {answer}"
            )
        if not healthy:
            say.note("way out: inv up")
    return 0 if healthy else 1


def _check(office: Office, name: str, kept: dict[str, Any]) -> dict[str, Any]:
    from flowgate.errors import Unreachable
    from flowgate.world.http import Http

    settings = office.config.services[name]
    serving = next((g for g in kept.get("generations", ()) if g["phase"] == "serving"), None)
    path = settings.readiness_path or settings.health_path or "/v1/models"
    port = serving["port"] if serving else settings.port
    result: dict[str, Any] = {"live": serving is not None, "ready": False, "status": None, "error": "", "seconds": 0.0}
    result["url"] = f"http://{settings.host}:{port}{path}"
    if serving is None:
        result["error"] = kept.get("failure") or "not running"
        return result
    try:
        answer = Http().get(result["url"], timeout=5.0)
    except Unreachable as refusal:
        result["error"] = refusal.what
        return result
    return result | {"ready": answer.ok, "status": answer.status, "seconds": round(answer.seconds, 4)}

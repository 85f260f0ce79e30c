"""What is: the profile in force, and the services. Never asks a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowgate.cli import console
from flowgate.cli.session import Session, open_session

WATCH_SECONDS = 0.2
LIVING = ("starting", "ready", "serving", "draining", "stopping")


def status(config: str, as_json: bool) -> int:
    """Print the profile in force and every service.

    Source: keys of `--json` are documented in README.md
    """
    session = open_session(config)
    recover_supervisor(session)
    tree = collect_status(session)
    if as_json:
        console.document(tree)
        return 0
    console.note(session.describe())
    profile, since = tree["profile"], tree["since"]
    console.data(f"profile  {profile['name']} ({profile['by']}{f', since {since}' if since else ''})")
    head = ["service", "state", "pid", "uptime", "memory", "generation", "restarts", "address"]
    console.table([head, *(_row(name, one) for name, one in tree["services"].items())])
    for name, one in tree["services"].items():
        for generation in one["generations"] if len(one["generations"]) > 1 else ():
            console.data(f"  {_generation(name, generation)}")
    for name, one in tree["services"].items():
        if one["failure"]:
            console.note(f"! {name}: {one['failure']}")
    for issue in tree["secrets"]:
        console.note(
            f"! {issue['path']} can be read by others ({issue['mode']}); chmod {issue['wanted']} {issue['path']}"
        )
    return 0


def recover_supervisor(session: Session) -> None:
    """Let a new keeper take over what a killed one left; looking goes on when it cannot come up."""
    from flowgate.errors import FlowGateError

    try:
        if session.supervisor.recover():
            console.note("the keeper had been killed; a new one has taken over what it kept")
    except FlowGateError as error:
        console.note(f"! {error.what}")


def collect_status(session: Session) -> dict[str, Any]:
    """Gather what `status` says, as plain data."""
    kept = session.supervisor.status()
    services = {name: _service(session, name, kept["services"].get(name, {})) for name in session.config.services}
    serving = services.get("litellm", {}).get("profile") or ""
    settled = session.profile()
    state = session.state()
    return {
        "config": str(session.config.file),
        "embedded": session.config.embedded,
        "profile": {"name": serving or settled.value, "by": "serving" if serving else settled.by},
        "since": state.get("updated_at", "") if state.get("current_profile") == (serving or settled.value) else "",
        "supervisor": kept["supervisor"],
        "services": services,
        "secrets": open_secrets(session),
    }


def _service(session: Session, name: str, kept: dict[str, Any]) -> dict[str, Any]:
    generations = kept.get("generations", [])
    newest = next((g for g in reversed(generations) if g["phase"] == "serving"), generations[-1] if generations else {})
    settings = session.config.services[name]
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
    since = f" {_duration(one['seconds'])} ago" if one["seconds"] is not None else ""
    begun = f", started{since}{by}" if since or by else ""
    profile = f" {one['profile']}" if one["profile"] else ""
    return f"{name} generation {one['number']}{profile}: {one['phase']}{begun}{still}{under_way}"


def watch_generations(session: Session) -> None:
    """Print what becomes of LiteLLM's generations, until one is left; Ctrl-C ends the watching only."""
    from flowgate.system.clock import Clock

    clock, last = Clock(), ""
    while True:
        generations = collect_status(session)["services"]["litellm"]["generations"]
        now = "; ".join(_generation("litellm", {**one, "seconds": None}) for one in generations)
        if now != last:
            console.note(now or "litellm: no generation is left")
            last = now
        if len(generations) < 2:
            return
        clock.sleep(WATCH_SECONDS)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole % 3600 // 60} min"


def open_secrets(session: Session) -> list[dict[str, str]]:
    """Find secret files and folders that others can read."""
    from flowgate.cli.checks.permissions import exposed

    found = exposed(session.config)
    return [{"path": str(one.path), "mode": f"{one.mode:03o}", "wanted": f"{one.wanted:03o}"} for one in found]

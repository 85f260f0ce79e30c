"""Describe every service: its state, its process, its generations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import service_faults
from flowgate.cli.columns import duration
from flowgate.cli.generation_reports import GenerationReport, generation_report

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from flowgate.domain import ServiceSettings
    from flowgate.supervisor.status_document import GenerationStatus, ServiceStatus, StatusDocument

LIVING = ("starting", "ready", "serving", "draining", "stopping", "orphaned")


class GenerationState(TypedDict):
    """What the report of a service says about the generation that serves, else about its newest."""

    state: str
    running: bool
    pid: int | None
    uptime_seconds: float | None
    memory_bytes: int | None
    generation: int | None
    host: str
    port: int
    profile: str | None


class ServiceReport(GenerationState):
    """One service; docs/json.md describes the keys."""

    restarts: int
    failure: str
    embedded: bool
    generations: list[GenerationReport]


def service_reports(session: Session, found: StatusDocument) -> dict[str, ServiceReport]:
    """Describe every service: those of the config, and those that run although the config has them no more.

    Args:
        session: The config.
        found: What the supervisor runs.
    """
    services = {name: _service(one, found["services"].get(name, {})) for name, one in session.config.services.items()}
    more = service_faults.unconfigured(session, [name for name, one in found["services"].items() if one["generations"]])
    return services | {name: _service(None, found["services"][name]) for name in more}


def _service(settings: ServiceSettings | None, found: ServiceStatus) -> ServiceReport:
    generations = found.get("generations", [])
    serving = [one for one in generations if one["phase"] == "serving"]
    if generations or settings is None:
        state = _state((serving or generations)[-1])
    else:
        state = _no_generation(settings, "crashing" if found.get("wanted") else "stopped")
    return {
        **state,
        "restarts": found.get("restarts", 0),
        "failure": found.get("failure", ""),
        "embedded": settings is not None and Path(settings.args[0]).name == "embedded-upstream",
        "generations": [generation_report(one) for one in generations],
    }


def _no_generation(settings: ServiceSettings, state: str) -> GenerationState:
    return {
        "state": state,
        "running": False,
        "pid": None,
        "uptime_seconds": None,
        "memory_bytes": None,
        "generation": None,
        "host": settings.host,
        "port": settings.port,
        "profile": None,
    }


def _state(shown: GenerationStatus) -> GenerationState:
    return {
        "state": shown["phase"],
        "running": shown["phase"] in LIVING,
        "pid": shown.get("pid"),
        "uptime_seconds": shown.get("seconds"),
        "memory_bytes": shown.get("memory"),
        "generation": shown["number"],
        "host": shown["host"],
        "port": shown["port"],
        "profile": shown["labels"].get("profile"),
    }


def _pids(one: ServiceReport) -> str:
    """Return the pid of a service, or how many workers the generation has that serves."""
    shown = next((found for found in one["generations"] if found["number"] == one["generation"]), None)
    count = len(shown["workers"]) if shown else 0
    return f"{count} workers" if count > 1 else str(one["pid"] or "-")


def cells(name: str, one: ServiceReport) -> list[str]:
    """Return the cells of a service: name, state, process, uptime, memory, generation, restarts.

    Args:
        name: Its name.
        one: The service.
    """
    return [
        name,
        one["state"],
        _pids(one),
        duration(one["uptime_seconds"]),
        f"{one['memory_bytes'] / 1e6:.0f} MB" if one["memory_bytes"] else "-",
        str(one["generation"] or "-"),
        str(one["restarts"]),
    ]

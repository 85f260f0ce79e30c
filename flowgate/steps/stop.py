"""Stop services with all their processes."""

from collections.abc import Mapping
from typing import Literal, cast

from flowgate.gateway import southbound
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.supervisor.protocol import Stopped
from flowgate.supervisor.status_document import ServiceStatus

Name = Literal["all", "litellm", "cliproxyapi_plus", "started"]


def stop(context: StepContext, service: Name = "all") -> Result | Change:
    """Stop services with all their processes: terminate, wait for the grace period, then kill.

    Args:
        context: Tools and state of this run.
        service: A service, all of them, or "started": those that this run started.

    Returns:
        `stopped` (list of service, pid, generation), `killed` (pids that did not terminate by themselves).

    Raises:
        UsageError: The gateway has no such service.
    """
    status = context.supervisor.status()["services"]
    if service == "started":
        return _stop_started(context, status)
    southbound.require_service(context.config, "" if service in status else service)
    known = dict.fromkeys([*context.config.services, *status])  # also what runs since the config had it
    names = [name for name in reversed(known) if service in ("all", name)]
    running = [name for name in names if status.get(name, {}).get("generations") or status.get(name, {}).get("wanted")]
    if not running:
        return unchanged(f"not running: {', '.join(names)}", stopped=[], killed=[])

    def apply(acting: StepContext) -> Facts:
        return _facts(acting.supervisor.stop(running))

    return change(f"stop {' and '.join(running)}", apply)


def _stop_started(context: StepContext, status: Mapping[str, ServiceStatus]) -> Result | Change:
    """Stop what this run started; where an older generation serves, only discard the candidate."""
    started = [(name, number) for name, number in context.supervisor.started if _still_runs(status, name, number)]
    if not started:
        return unchanged("this run has started nothing that still runs", stopped=[], killed=[])

    def apply(acting: StepContext) -> Facts:
        alone = [name for name, number in started if not _older_serves(status, name, number)]
        for name, number in started:
            if name not in alone:
                acting.supervisor.discard(name, number)
        return _facts(acting.supervisor.stop(alone) if alone else {"stopped": [], "killed": []})

    return change(f"stop {' and '.join(name for name, _ in started)}", apply)


def _facts(reply: Stopped) -> Facts:
    stopped = [f"{one['service']} (process {one['pid']})" for one in reply["stopped"]]
    killed = f"; killed {len(reply['killed'])} processes that did not terminate" if reply["killed"] else ""
    message = f"stopped {', '.join(stopped)}{killed}" if stopped else "discarded the candidate"
    # mypy: a TypedDict is no Mapping[str, Value].
    return cast("Facts", {"stopped": reply["stopped"], "killed": reply["killed"], "message": message})


def _still_runs(status: Mapping[str, ServiceStatus], name: str, started: int) -> bool:
    """Return whether a generation, or the one that replaced it when it was respawned, still runs."""
    generations = status.get(name, {}).get("generations", ())
    # A later number without a lease is an older program that came back because this run's did not start.
    return any(one["number"] == started or (one["number"] > started and one.get("leased")) for one in generations)


def _older_serves(status: Mapping[str, ServiceStatus], name: str, started: int) -> bool:
    generations = status.get(name, {}).get("generations", ())
    return any(one["number"] < started and one["phase"] == "serving" for one in generations)

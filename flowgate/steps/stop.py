"""Stop services, their whole process trees."""

from collections.abc import Mapping
from typing import Literal

from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.supervisor.protocol import ServiceStatus, Stopped

Name = Literal["all", "litellm", "cliproxyapi_plus", "started"]


def stop(context: StepContext, service: Name = "all") -> Result | Change:
    """Stop services, their whole process trees: ask, wait the grace, then kill.

    Args:
        context: Tools and state of this run.
        service: Which one, all, or "started": just what this run started.

    Returns:
        Stopped (list of service, pid, generation), killed (pids that would not leave).
    """
    status = context.supervisor.status()["services"]
    if service == "started":
        return _stop_started(context)
    names = [name for name in reversed(list(context.config.services)) if service in ("all", name)]
    running = [name for name in names if status.get(name, {}).get("generations") or status.get(name, {}).get("wanted")]
    if not running:
        return unchanged(f"{' and '.join(names)} not running", stopped=[], killed=[])

    def apply(r: StepContext) -> Facts:
        return _told(r.supervisor.stop(running))

    return change(f"stop {' and '.join(running)}", apply)


def _stop_started(context: StepContext) -> Result | Change:
    """Take down what this run started; a candidate beside a serving generation is only sent home."""
    status = context.supervisor.status()["services"]
    begun = [(name, n) for name, n in context.supervisor.started if _is_there(status, name, n)]
    if not begun:
        return unchanged("this run started nothing that still runs", stopped=[], killed=[])

    def apply(r: StepContext) -> Facts:
        alone = [name for name, number in begun if not _has_elder(status, name, number)]
        for name, number in begun:
            if name not in alone:
                r.supervisor.discard(name, number)
        return _told(r.supervisor.stop(alone) if alone else {"stopped": [], "killed": []})

    return change(f"stop {' and '.join(name for name, _ in begun)}", apply)


def _told(reply: Stopped) -> Facts:
    """Say what became of each process tree."""
    words = [f"{one['service']} (process {one['pid']})" for one in reply["stopped"]]
    killed = f"; {len(reply['killed'])} had to be killed" if reply["killed"] else ""
    message = f"stopped {', '.join(words)}{killed}" if words else "sent the candidate home"
    return {"stopped": reply["stopped"], "killed": reply["killed"], "message": message}


def _is_there(status: Mapping[str, ServiceStatus], name: str, number: int) -> bool:
    """A generation that was revived since has a higher number and is still this run's own."""
    return any(g["number"] >= number for g in status.get(name, {}).get("generations", ()))


def _has_elder(status: Mapping[str, ServiceStatus], name: str, number: int) -> bool:
    generations = status.get(name, {}).get("generations", ())
    return any(g["number"] < number and g["phase"] == "serving" for g in generations)

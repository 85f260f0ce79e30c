"""Stop services, their whole process trees."""

from typing import Any, Literal

from flowgate.step import Facts, Reach, Result, Todo, same, todo

Name = Literal["all", "litellm", "cliproxyapi_plus", "started"]


def stop(reach: Reach, service: Name = "all") -> Result | Todo:
    """Stop services, their whole process trees: ask, wait the grace, then kill.

    service: which one, all, or "started": just what this run started
    Gives: stopped (list of service, pid, generation), killed (pids that would not leave)
    """
    status = reach.keeper.status()["services"]
    if service == "started":
        return _stop_started(reach)
    names = [name for name in reversed(list(reach.config.services)) if service in ("all", name)]
    running = [name for name in names if status.get(name, {}).get("generations") or status.get(name, {}).get("wanted")]
    if not running:
        return same(f"{' and '.join(names)} not running", stopped=[], killed=[])

    def do(r: Reach) -> Facts:
        return _told(r.keeper.stop(running))

    return todo(f"stop {' and '.join(running)}", do)


def _stop_started(reach: Reach) -> Result | Todo:
    """Take down what this run started; a candidate beside a serving generation is only sent home."""
    status = reach.keeper.status()["services"]
    begun = [(name, n) for name, n in reach.keeper.started if _is_there(status, name, n)]
    if not begun:
        return same("this run started nothing that still runs", stopped=[], killed=[])

    def do(r: Reach) -> Facts:
        alone = [name for name, number in begun if not _has_elder(status, name, number)]
        for name, number in begun:
            if name not in alone:
                r.keeper.dismiss(name, number)
        reply = r.keeper.stop(alone) if alone else {"stopped": [], "killed": []}
        return _told(reply)

    return todo(f"stop {' and '.join(name for name, _ in begun)}", do)


def _told(reply: dict[str, Any]) -> Facts:
    """Say what became of each process tree."""
    words = [f"{one['service']} (process {one['pid']})" for one in reply["stopped"]]
    killed = f"; {len(reply['killed'])} had to be killed" if reply["killed"] else ""
    said = f"stopped {', '.join(words)}{killed}" if words else "sent the candidate home"
    return {"stopped": reply["stopped"], "killed": reply["killed"], "said": said}


def _is_there(status: dict[str, dict[str, list[dict[str, object]]]], name: str, number: int) -> bool:
    """A generation that was revived since has a higher number and is still this run's own."""
    return any(int(str(g["number"])) >= number for g in status.get(name, {}).get("generations", ()))


def _has_elder(status: dict[str, dict[str, list[dict[str, object]]]], name: str, number: int) -> bool:
    generations = status.get(name, {}).get("generations", ())
    return any(int(str(g["number"])) < number and g["phase"] == "serving" for g in generations)

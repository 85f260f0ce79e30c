"""What a playbook on many hosts leaves behind: one recap, and the same reports as on one machine."""

from __future__ import annotations

import shlex

from flowgate.cli import console, fleet_end
from flowgate.cli.fleet_end import BROKEN
from flowgate.cli.fleet_request import FleetRequest
from flowgate.cli.fleet_run import OUTSIDE, Answer, FleetRun
from flowgate.playbook.report import COUNTED, COUNTERS, VERSION, ErrorDocument, ReportDocument, TaskDocument


def document(done: FleetRun, request: FleetRequest, *, playbook: str, started: str, seconds: float) -> ReportDocument:
    """Return one report for all hosts: each host is a play.

    Args:
        done: What has happened.
        request: What was typed.
        playbook: Path of the playbook.
        started: When the run started.
        seconds: How long it took.
    """
    broken = [one for one in done.answers if one.state in BROKEN]
    ended = {host: fleet_end.of_host(done, host) for host in done.hosts}
    tasks = [task for host in done.hosts for one in done.of(host) for task in _tasks(one)]
    first = f"{broken[0].host} failed" if broken else "the run was interrupted" if done.interrupted else done.failure
    first = f"not started: {first or 'it was not reached'}"
    waiting = [host for host in done.hosts if ended[host] == fleet_end.UNTOUCHED]
    tasks += [_task(Answer(host, "Run the playbook", "skipped", 0, first)) for host in waiting]
    left = [host for host in done.hosts if ended[host] != fleet_end.DONE]
    return {
        "version": VERSION,
        "playbook": playbook,
        "started": started,
        "check": request.check,
        "code": done.interrupted or max([OUTSIDE if done.failure else 0, *(one.code for one in done.answers)]),
        "seconds": round(seconds, 3),
        "recap": _sum([counters(done, host) for host in done.hosts]),
        "error": _run_error(done, broken),
        "resume": resume(request, left) if left and (broken or done.interrupted or done.failure) else "",
        "tasks": tasks,
    }


def _run_error(done: FleetRun, broken: list[Answer]) -> ErrorDocument | None:
    if done.interrupted or done.failure:
        kind, what = "Interrupted" if done.interrupted else "EnvironmentFailure", fleet_end.sentence(done)
        return {"kind": kind, "bug": False, "what": what, "fix": "", "place": "", "log": []}
    return _error(broken[0], named=True) if broken else None


def counters(done: FleetRun, host: str) -> dict[str, int]:
    """Return the counters of one host.

    Args:
        done: What has happened.
        host: The host.
    """
    counts = dict.fromkeys(COUNTERS, 0)
    for one in done.of(host):
        if one.state == "unreachable":
            counts["unreachable"] += 1
            continue
        for task in _tasks(one):
            for counter in COUNTED[task["status"]]:
                counts[counter] += 1
    return counts


def print_recap(done: FleetRun, told: ReportDocument) -> None:
    """Print a line for each host, what an interruption has left, and the command that resumes.

    Args:
        done: What has happened.
        told: The report of the run.
    """
    width = max((len(host) for host in done.hosts), default=0)
    if done.hosts:
        console.note("recap:")
    for host in done.hosts:
        ended = fleet_end.of_host(done, host)
        mark = "=" if ended == fleet_end.DONE else "-" if ended == fleet_end.UNTOUCHED else "!"
        counts = " ".join(f"{name}={count}" for name, count in counters(done, host).items())
        line = "not started" if ended == fleet_end.UNTOUCHED else "not known" if not done.of(host) else counts
        console.quote(console.colour(f"{mark} {host:<{width}}  {line}", console.COLOURS[mark]))
    if done.interrupted or done.failure:
        console.quote(f"{'' if done.interrupted else 'error: '}{fleet_end.sentence(done)}")
    if told["resume"]:
        console.note(f"to resume: {told['resume']}")


def resume(request: FleetRequest, hosts: list[str]) -> str:
    """Return the command that runs the playbook on the hosts that have not succeeded.

    Args:
        request: What was typed.
        hosts: These hosts.
    """
    words = [console.program(), "play", request.name, "-i", request.target.inventory, "--limit", ",".join(hosts)]
    words += ["--serial", request.target.serial] if request.target.serial else []
    for one in request.extra:
        words += ["-e", one]
    for flag, value in (("profile", request.profile), ("tags", request.tags), ("skip-tags", request.skip_tags)):
        words += [f"--{flag}", value] if value else []
    words += [flag for flag, given in (("--check", request.check), ("--diff", request.diff)) if given]
    for kind, path in request.reports.items():
        words += [f"--report-{kind}", path] if path else []
    return console.masked(shlex.join(words))


def _sum(counts: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(one[name] for one in counts) for name in COUNTERS}


def _tasks(answer: Answer) -> list[TaskDocument]:
    """Return the tasks of a host's own report, else one task for what happened to the host."""
    if answer.report is None:
        return [_task(answer)]
    plays = {task["play"] for task in answer.report["tasks"]}
    made = [
        TaskDocument({**task, "play": answer.host if len(plays) < 2 else f"{answer.host}: {task['play']}"})
        for task in answer.report["tasks"]
    ]
    if answer.state in BROKEN and not any(task["status"] == "failed" for task in made):
        made.append(_task(answer))
    return made


def _task(answer: Answer) -> TaskDocument:
    status = {"ok": "unchanged", "skipped": "skipped"}.get(answer.state, "failed")
    return {
        "play": answer.host,
        "task": answer.task,
        "step": "",
        "status": status,
        "message": console.masked(answer.message),
        "began": 0.0,
        "seconds": 0.0,
        "place": "",
        "facts": {},
        "unpredicted": "",
        "error": _error(answer) if status == "failed" else None,
    }


def _error(answer: Answer, *, named: bool = False) -> ErrorDocument:
    found = answer.report["error"] if answer.report else None
    kind = found["kind"] if found else {1: "CheckFailed", 2: "UsageError"}.get(answer.code, "EnvironmentFailure")
    return {
        "kind": kind,
        "bug": bool(found and found["bug"]),
        "what": console.masked(f"{answer.host}: {answer.message}" if named else answer.message),
        "fix": console.masked(answer.fix),
        "place": found["place"] if found else "",
        "log": found["log"] if found else [],
    }

"""Tables for people and the HTML page of an audit. Pure functions of its result."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.audit.result import AuditedOutage, AuditedProfile, AuditResult
from flowgate.playbook.report import printable

if TYPE_CHECKING:
    from jinja2 import Template

PROMISE_HEADER = ["promise", "promised", "observed", "verdict"]
OUTAGE_HEADER = ["outage of", "from", "lasted", "errors", "answered", "p50", "healthy", "longest wait"]


def heading(one: AuditedProfile) -> str:
    """Return one line on a profile: which generations served how much."""
    generations = ", ".join(map(str, one["generations"]))
    plural = "s" if len(one["generations"]) > 1 else ""
    requests = f"{one['requests']} request{'' if one['requests'] == 1 else 's'}"
    return f"{one['profile']}: {requests} (generation{plural} {generations}, LiteLLM {one['litellm']})"


def promise_table(one: AuditedProfile) -> list[list[str]]:
    """Return a header and one row for each promise."""
    rows = [
        [promise["promise"], promise["promised"], promise["observed"], _verdict(promise["verdict"], promise["why"])]
        for promise in one["promises"]
    ]
    return [PROMISE_HEADER, *rows]


def _verdict(verdict: str, why: str) -> str:
    return f"{verdict}: {why}" if why else verdict


def outage_table(outages: Sequence[AuditedOutage]) -> list[list[str]]:
    """Return a header and one row for each outage."""
    return [OUTAGE_HEADER, *map(_outage_row, outages)]


def _outage_row(one: AuditedOutage) -> list[str]:
    return [
        one["deployment"],
        one["began"],
        duration(one),
        cause(one),
        f"{one['answered']} of {one['requests']}",
        _time(one["seconds_p50"]),
        _time(one["healthy_p50"]),
        _time(one["longest_wait"]),
    ]


def duration(one: AuditedOutage) -> str:
    """Return how long an outage lasted."""
    return "not over" if one["seconds"] is None else f"{one['seconds']:.1f} s"


def cause(one: AuditedOutage) -> str:
    """Return what failed how often, and why no vendor was to blame."""
    errors = ", ".join(f"{kind} {count}" for kind, count in one["errors"].items())
    return f"{errors}: {one['obstacle']}" if one["cause"] != "vendor" else errors


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f} s"


def verdict(result: AuditResult) -> str:
    """Return one phrase on all promises."""
    broken = result["broken"]
    return f"{broken or 'no'} {'promise is' if broken < 2 else 'promises are'} broken"


def gaps(result: AuditResult) -> list[str]:
    """Return what the verdicts do not rest on: requests that the ledger does not hold, or not yet."""
    found = []
    if result["kept_since"]:
        found.append(f"single requests are kept since {result['kept_since']} only; what was before is not judged")
    if result["dropped"]:
        count = f"{result['dropped']} request{'s' if result['dropped'] > 1 else ''}"
        found.append(f"{count} could not be recorded: the verdicts rest on incomplete rows (inv events --event ledger)")
    for one in result["killed"]:
        what = f"generation {one['generation']} ({one['profile']}) was killed at {one['at']}"
        found.append(f"{what}: requests of its last second may be missing")
    if result["in_progress"]:
        plural = "requests are" if result["in_progress"] > 1 else "request is"
        found.append(f"{result['in_progress']} {plural} in progress and not judged yet")
    return found


def cleared(result: AuditResult) -> list[str]:
    """Return a line for each cooldown that a person ended; a result that an earlier FlowGate kept has none."""
    found = result.get("cleared", [])
    return [f"cooldown ended early at {one['at']} ({one['service']}): {one['detail']}" for one in found]


def page(result: AuditResult) -> str:
    """Return an HTML page without scripts, other files or network access."""
    return printable(
        _template().render(audit=result, verdict=verdict(result), gaps=gaps(result), cleared=cleared(result))
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update({one.__name__: one for one in (heading, duration, cause)})
    environment.filters["time"] = _time
    return environment.from_string(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))

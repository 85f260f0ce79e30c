"""Reports of a rehearsal: JUnit XML, and one HTML page without external resources."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowgate.playbook import junit
from flowgate.playbook.report import printable
from flowgate.rehearsal import summary
from flowgate.rehearsal.result import ProfileResult, RehearsalResult, ScenarioResult

if TYPE_CHECKING:
    from jinja2 import Template

WIDTH, LANE_HEIGHT, LABEL_WIDTH, RIGHT_MARGIN = 900, 22, 90, 10
SHORTEST_BAR = 1.5
ROLES = ("primary", "secondary", "third", "further", summary.ERROR)


class Bar(NamedTuple):
    """One request in a timeline: its position, and the role that answered, or `error`."""

    x: float
    width: float
    role: str
    title: str


class Dot(NamedTuple):
    """One attempt in a timeline."""

    x: float
    y: int
    role: str
    failed: bool


class Timeline(NamedTuple):
    """A drawing of one scenario: a lane for the client, and one for each role that got attempts.

    Attributes:
        lanes: Label and baseline of each lane.
        seconds: Length of the time axis.
        fault_ended_x: Position of the end of the fault; None if it did not end.
    """

    lanes: list[tuple[str, int]]
    bars: list[Bar]
    dots: list[Dot]
    height: int
    seconds: float
    fault_ended_x: float | None


def junit_report(result: RehearsalResult, started: str = "") -> str:
    """Return a JUnit report: one suite per profile, one case per scenario.

    Args:
        result: The result of the rehearsal.
        started: RFC 3339 time of its start in UTC.
    """
    return junit.write([_suite(profile, started) for profile in result["profiles"]])


def _suite(profile: ProfileResult, started: str) -> junit.Suite:
    name = profile["profile"]
    cases = [_case(name, scenario) for scenario in profile["scenarios"]]
    skipped = [
        junit.Case(f"rehearsal.{name}", scenario, seconds=0.0, result="skipped", message=why)
        for scenario, why in {**profile["omitted_scenarios"], **summary.not_exercised(profile)}.items()
    ]
    return junit.Suite("rehearsal", name, [*cases, *skipped], started, output=summary.heading(profile))


def _case(profile: str, scenario: ScenarioResult) -> junit.Case:
    case = junit.Case(f"rehearsal.{profile}", scenario["scenario"], _duration(scenario))
    broken = list(map(summary.promise_text, summary.broken_promises(scenario["promises"])))
    if not broken:
        return case
    return replace(case, result="failed", message=broken[0], kind="BrokenPromise", detail="\n".join(broken))


def page(result: RehearsalResult) -> str:
    """Return an HTML page with the tables and a timeline of each scenario."""
    broken = result["broken"]
    verdict = f"{broken or 'no'} {'promise is' if broken < 2 else 'promises are'} broken"
    text = _template().render(verdict=verdict, roles=ROLES, profiles=result["profiles"], width=WIDTH)
    return printable(text)


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    functions = (
        summary.heading,
        summary.answers,
        summary.attempts,
        summary.return_time,
        summary.not_exercised,
        timeline,
    )
    environment.filters.update({function.__name__: function for function in functions})
    return environment.from_string(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))


def timeline(scenario: ScenarioResult) -> Timeline:
    """Compute the drawing of one scenario."""
    roles = list(dict.fromkeys(attempt["role"] for attempt in scenario["attempts"]))
    seconds = max(_duration(scenario), 0.1)

    def x(at: float) -> float:
        return round(LABEL_WIDTH + (WIDTH - LABEL_WIDTH - RIGHT_MARGIN) * min(at, seconds) / seconds, 1)

    bars = []
    for request in scenario["requests"]:
        start, end = x(request["at"]), x(request["at"] + request["seconds"])
        role = request["answered_by"] or summary.ERROR
        title = f"{request['at']:.2f} s: {role}, {request['seconds']:.2f} s"
        bars.append(Bar(start, round(max(SHORTEST_BAR, end - start - 1), 1), role, title))
    dots = [
        Dot(x(one["at"]), LANE_HEIGHT * (1 + roles.index(one["role"])) + 11, one["role"], one["failed"])
        for one in scenario["attempts"]
    ]
    lanes = [(label, LANE_HEIGHT * number + 15) for number, label in enumerate(["client", *roles])]
    ended = scenario["fault_ended_at"]
    return Timeline(lanes, bars, dots, LANE_HEIGHT * len(lanes) + 20, seconds, None if ended is None else x(ended))


def _duration(scenario: ScenarioResult) -> float:
    return max(request["at"] + request["seconds"] for request in scenario["requests"])

"""Latency over time as an SVG of two panels: profile switches above, stop-and-start below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from tests.bench.load import ClientRequest

WIDTH, HEIGHT, LEFT, GAP, TOP = 960, 200, 60, 60, 30
COLOURS = {"kept": "#2563eb", "fresh": "#059669", "stream": "#9ca3af"}
TEMPLATE = Path(__file__).with_name("picture.svg.j2")
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, in coordinates of the SVG.

    Attributes:
        labels: (y, text) of the labels of the axis.
        spans: (x, width) of the switches.
        failures: x of each failed request.
        dots: (colour, path) of the other requests.
    """

    title: str
    top: int
    bottom: int
    labels: list[tuple[int, str]]
    spans: list[tuple[float, float]]
    failures: list[float]
    dots: list[tuple[str, str]]


def draw(
    requests: Sequence[ClientRequest], switches: Sequence[Span], before: Sequence[ClientRequest], restart: Span
) -> str:
    """Draw both panels.

    Args:
        requests: Requests during the switches.
        switches: When each switch began and ended.
        before: Requests during the stop-and-start.
        restart: When the stop-and-start began and ended.
    """
    second = TOP + HEIGHT + GAP
    panels = [
        _panel(requests, switches, TOP, f"{len(switches)} switches under load: {_count_failed(requests)} failed"),
        _panel(before, [restart], second, f"stop, then start again: {_count_failed(before)} failed"),
    ]
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=True, keep_trailing_newline=True)
    template = environment.from_string(TEMPLATE.read_text())
    height = second + HEIGHT + 40
    return template.render(panels=panels, width=WIDTH, height=height, left=LEFT, colours=COLOURS)


def _count_failed(requests: Sequence[ClientRequest]) -> str:
    return f"{sum(bool(one.failure) for one in requests)} of {len(requests)} requests"


def _panel(requests: Sequence[ClientRequest], spans: Sequence[Span], top: int, title: str) -> Panel:
    end = max((one.at + one.seconds for one in requests), default=1.0)
    highest = max((one.seconds for one in requests if not one.failure), default=1.0)
    scale = (WIDTH - LEFT - 10) / end

    def x(at: float) -> float:
        return LEFT + at * scale

    def y(seconds: float) -> float:
        return top + HEIGHT - seconds / highest * (HEIGHT - 12)

    def dots(kind: str) -> str:
        points = {(round(x(one.at)), round(y(one.seconds))) for one in requests if one.kind == kind and not one.failure}
        return "".join(f"M{at},{height}h0" for at, height in sorted(points))

    return Panel(
        title=title,
        top=top,
        bottom=top + HEIGHT,
        labels=[(round(y(part * highest)) + 4, f"{part * highest:.1f}") for part in (0.0, 0.5, 1.0)],
        spans=[(round(x(began), 1), round(max(1.0, (ended - began) * scale), 1)) for began, ended in spans],
        failures=[round(x(one.at) - 3, 1) for one in requests if one.failure],
        dots=[(colour, dots(kind)) for kind, colour in COLOURS.items()],
    )

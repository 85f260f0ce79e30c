"""Line charts as SVG, in the colours of both themes of the documentation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 300, 64, 16, 40, 44
COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea")
TEMPLATE = Path(__file__).with_name("chart.svg.j2")
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart, as its template draws it."""

    name: str
    colour: str
    path: str


def draw(title: str, axis: str, lines: Sequence[tuple[str, Points]], *, logarithmic: bool = False) -> str:
    """Draw lines over seconds.

    Args:
        title: Title of the chart.
        axis: What the vertical axis shows, with its unit.
        lines: Name and points of each line.
        logarithmic: Use powers of ten on the vertical axis.

    Returns:
        The SVG.
    """
    xs = [x for _, points in lines for x, _ in points]
    ys = [y for _, points in lines for _, y in points]
    low, high = min(xs), max(xs)
    top = 10 ** math.ceil(math.log10(max(ys))) if logarithmic else max(ys) * 1.1

    def place(x: float, y: float) -> str:
        share = math.log10(max(1.0, y)) / math.log10(top) if logarithmic else y / top
        across = LEFT + (x - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        return f"{across:.1f},{HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM):.1f}"

    seconds = [low + (high - low) * n / 6 for n in range(7)]
    labels = [10**power for power in range(round(math.log10(top)) + 1)] if logarithmic else [0, top / 2, top]
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=True, keep_trailing_newline=True)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title,
        axis=axis,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=HEIGHT - BOTTOM,
        ticks=[(place(at, 0).split(",")[0], f"{at:.0f}") for at in seconds],
        labels=[(place(low, value).split(",")[1], f"{value:,.0f}") for value in labels],
        lines=[
            Line(name, COLOURS[number % len(COLOURS)], " ".join(place(*point) for point in points))
            for number, (name, points) in enumerate(lines)
        ],
    )

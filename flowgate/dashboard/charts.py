"""Where the bars of the charts are, in hundredths of the drawing: SVG that needs no script and no library."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from flowgate.ledger.entries import Attempt
from flowgate.ledger.history import Past

WHOLE = 100
TIMES = 5  # labels below a chart
SHORTEST_BAR = 0.5
LEAST_PART = 1.5  # of the height: a few failures among many requests can be seen
STEPS = (1, 2, 4, 5, 10)


class Bar(NamedTuple):
    """A bar: where it is, and what it means; `lower` is the height of its coloured part."""

    x: float
    y: float
    width: float
    height: float
    lower: float
    text: str


class Chart(NamedTuple):
    """A chart.

    Attributes:
        bars: Its bars.
        heights: Labels beside it, from above: those of its whole height, of half of it, and zero.
        times: Labels below it, at even distances.
    """

    bars: Sequence[Bar]
    heights: Sequence[str]
    times: Sequence[str]


class Value(NamedTuple):
    """The value of a bar.

    Attributes:
        label: Its time.
        whole: The value.
        part: The part of it that has another colour.
        text: What it means.
    """

    label: str
    whole: float
    part: float
    text: str


def draw(values: Sequence[Value], write: Callable[[float], str]) -> Chart:
    """Return a chart.

    Args:
        values: Its values.
        write: Returns the label of a height.
    """
    top = _top(max((one.whole for one in values), default=0))
    step = WHOLE / max(1, len(values))
    bars = []
    for number, one in enumerate(values):
        height, lower = (round(WHOLE * value / top, 2) for value in (one.whole, one.part))
        lower = min(max(lower, LEAST_PART), max(height, LEAST_PART)) if one.part else 0
        x, width = round(number * step + step * 0.1, 2), round(step * 0.8, 2)
        bars.append(Bar(x, round(WHOLE - height, 2), width, height, lower, one.text))
    wanted = min(TIMES, len(values))
    places = [round(number * (len(values) - 1) / max(1, wanted - 1)) for number in range(wanted)]
    return Chart(bars, [write(top), write(top / 2), write(0)], [values[place].label for place in places])


def _top(most: float) -> float:
    """Return a round number that is at least `most`."""
    if most <= 0:
        return 2
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in STEPS if step * power >= most * 0.999_999)


def timeline(past: Past) -> tuple[float, list[tuple[Attempt, Bar]]]:
    """Return how long a request took, and its attempts with their bars on that time.

    The coloured part of the last bar is where the first byte of the answer came.

    Args:
        past: The request.
    """
    one, attempts = past.entry
    ends = [attempt.at - one.at + (attempt.seconds or 0) for attempt in attempts]
    whole = max([one.seconds or 0, *ends]) or 1
    found = []
    for number, attempt in enumerate(attempts, start=1):
        began = max(0.0, attempt.at - one.at)
        width = max(SHORTEST_BAR, WHOLE * (attempt.seconds or 0) / whole)
        x = min(WHOLE * began / whole, WHOLE - SHORTEST_BAR)
        text = f"began after {began:.3f} s"
        first = 0.0
        if number == len(attempts) and one.first_piece is not None and not attempt.error:
            first, text = WHOLE * one.first_piece / whole, f"{text}; first byte after {one.first_piece:.3f} s"
        found.append((attempt, Bar(round(x, 2), 0, round(min(width, WHOLE - x), 2), 14, round(first, 2), text)))
    return whole, found

"""The page `docs/explanation/scale.md` and its pictures, from the answers."""

from __future__ import annotations

from pathlib import Path

import jinja2

from dev.scale import charts
from dev.scale.figures import Assumed, Figures, mean_cpu_seconds
from dev.scale.questions import Story
from dev.scale.results import Results

TEMPLATE = Path(__file__).with_name("page.md.j2")
PAGE = "docs/explanation/scale.md"


def files(results: Results) -> dict[str, str]:
    """Return path, relative to the checkout, and text of the page and of each picture.

    Args:
        results: The answers of the model.
    """
    environment = jinja2.Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        results=results, figures=Figures(), assumed=Assumed(), mean_cpu_ms=mean_cpu_seconds(Figures(), Assumed()) * 1000
    )
    outage = results.stories["vendor_outage"][2:]
    title = "Attempts on a primary that is down, 5 requests a second, 24 workers"
    return {
        PAGE: text,
        "docs/images/scale-outage.svg": charts.draw(title, "attempts so far", [_attempts(one) for one in outage]),
        "docs/images/scale-herd.svg": _latencies("All clients come back at once", results.stories["herd"]),
        "docs/images/scale-region.svg": _latencies("One of two regions fails", results.stories["regional_failure"]),
    }


def _latencies(title: str, stories: list[Story]) -> str:
    axis = "time beyond the vendor's own, median of the requests sent in each second, ms"
    return charts.draw(title, axis, [(one.name, one.by_second) for one in stories], logarithmic=True)


def _attempts(story: Story) -> tuple[str, list[tuple[float, float]]]:
    total, points = 0, [(55.0, 0.0)]
    for second, count in story.dead_by_second:
        points += [(second, total), (second, total + count)]
        total += count
    return story.name.partition(", ")[2], [*points, (300.0, total)]

"""A report as one page that needs nothing else: no script, no other file, no network."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowgate.playbook.report import MARKS, printable

if TYPE_CHECKING:
    from jinja2 import Template

TICKS = 4  # parts of the timeline
LEAST = 0.4  # per cent of the timeline that the shortest bar takes


def page(tree: dict[str, Any]) -> str:
    """Write a report as a page with a timeline; whatever a task said is shown as text, never as markup.

    Args:
        tree: As `report.tree` gives it.
    """
    tasks = tree["tasks"]
    whole = max([tree["seconds"], *(one["began"] + one["seconds"] for one in tasks)]) or 1.0
    plays: dict[str, list[dict[str, Any]]] = {}
    for one in tasks:
        plays.setdefault(one["play"], []).append({**one, **_bar(one, whole), "mark": MARKS[one["status"]]})
    text = _template().render(
        **tree,
        verdict="Done" if tree["code"] == 0 else "Interrupted" if tree["code"] == 130 else "Failed",
        culprit=next((one for one in tasks if one["status"] == "failed"), None),
        plays=list(plays.items()),
        ticks=[f"{whole * part / TICKS:.3g} s" for part in range(TICKS + 1)],
    )
    return printable(text)


def _bar(task: dict[str, Any], whole: float) -> dict[str, float]:
    width = max(LEAST, 100 * task["seconds"] / whole)
    return {"left": round(max(0.0, min(100 * task["began"] / whole, 100 - width)), 3), "width": round(width, 3)}


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["shown"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    return environment.from_string(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))

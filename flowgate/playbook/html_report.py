"""Write the report of a run as one HTML page without scripts, other files or network access."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.playbook.report import MARKS, ReportDocument, TaskDocument, printable

if TYPE_CHECKING:
    from jinja2 import Template

TICKS = 4  # sections of the timeline
MINIMUM_WIDTH = 0.4  # per cent of the timeline that the shortest bar takes


class TaskRow(TaskDocument):
    """A task as the template shows it: its mark, and its bar in per cent of the timeline."""

    mark: str
    left: float
    width: float


def page(document: ReportDocument) -> str:
    """Write a report as an HTML page with a timeline.

    Args:
        document: The report, from `report.report_document`.

    Returns:
        The page. Texts of tasks are escaped.
    """
    tasks = document["tasks"]
    total = max([document["seconds"], *(task["began"] + task["seconds"] for task in tasks)]) or 1.0
    plays: dict[str, list[TaskRow]] = {}
    for task in tasks:
        plays.setdefault(task["play"], []).append(_row(task, total))
    text = _template().render(
        **document,
        verdict={0: "Done", 130: "Interrupted"}.get(document["code"], "Failed"),
        failed=next((task for task in tasks if task["status"] == "failed"), None),
        plays=list(plays.items()),
        ticks=[f"{total * part / TICKS:.3g} s" for part in range(TICKS + 1)],
    )
    return printable(text)


def _row(task: TaskDocument, total: float) -> TaskRow:
    width = max(MINIMUM_WIDTH, 100 * task["seconds"] / total)
    left = max(0.0, min(100 * task["began"] / total, 100 - width))
    return {**task, "mark": MARKS[task["status"]], "left": round(left, 3), "width": round(width, 3)}


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["as_json"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    return environment.from_string(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))

"""Run a behaviour with our own engine, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowgate.domain import Outcome
from flowgate.playbook.catalog import Catalog, steps_in
from flowgate.playbook.check import check
from flowgate.playbook.executor import Event
from flowgate.playbook.outline import find_start, outline
from flowgate.playbook.parse import parse
from flowgate.playbook.playbook import run_plays
from flowgate.playbook.report import recap
from flowgate.playbook.task_filter import TaskFilter
from tests.conformance.case import COUNTERS, Came, Case
from tests.unit.steps.conftest import Stage

CATALOG = Catalog(steps_in("flowgate.steps"))
PORTS = {"litellm": 4000, "upstream": 8317}  # nothing is started on them
WORDS = {"unchanged": "ok"}  # our word for an event → Ansible's


def run(case: Case, folder: Path) -> Came:
    """Parse, check and run a behaviour as `inv play` does.

    folder: an empty one, which the playbook knows as `place`
    Fails with: UsageError for what is refused before anything runs
    """
    variables = {"place": str(folder), **case.extra}
    plays = parse(case.path.read_text(encoding="utf-8"), str(case.path))
    check(plays, CATALOG, variables, tags=(*case.tags, *case.skip_tags))
    options: dict[str, Any] = {"tags": case.tags, "skip_tags": case.skip_tags, "check": case.check}
    start = find_start(outline(plays, variables), case.start_at, case.tags, case.skip_tags) if case.start_at else None
    admit = TaskFilter(start.task).allows if start else None
    told: list[Event] = []
    report = run_plays(
        plays,
        Stage(folder, ports=PORTS).context(),
        variables,
        catalog=CATALOG,
        tell=told.append,
        admit=admit,
        **options,
    )
    counts = recap(report)
    assert (report.code == 0) is (counts["failed"] == 0)
    events = [(WORDS.get(one.status, one.status), one.task) for one in told if isinstance(one, Outcome)]
    return Came({name: counts[name] for name in COUNTERS}, tuple(events))

"""Run a case with FlowGate, in this process."""

from __future__ import annotations

from pathlib import Path

from flowgate.domain import Outcome
from flowgate.playbook.catalog import Catalog, steps_in
from flowgate.playbook.check import check
from flowgate.playbook.outline import find_start, outline
from flowgate.playbook.parse import parse
from flowgate.playbook.playbook import run_plays
from flowgate.playbook.report import recap
from flowgate.playbook.run_options import Event, RunOptions
from flowgate.playbook.task_filter import TaskFilter
from tests.conformance.case import COUNTERS, Case, Observed
from tests.unit.steps.conftest import Stage

CATALOG = Catalog(steps_in("flowgate.steps"))
PORTS = {"litellm": 4000, "upstream": 8317}  # no program is started on them
STATUSES = {"unchanged": "ok"}  # FlowGate's status -> Ansible's


def run(case: Case, folder: Path) -> Observed:
    """Parse, check and run a case as `inv play` does.

    Args:
        case: The case.
        folder: An empty folder; the playbook knows it as `place`.

    Returns:
        What happened.

    Raises:
        UsageError: The playbook is rejected before the run.
    """
    variables = {"place": str(folder), **case.extra}
    plays = parse(case.path.read_text(encoding="utf-8"), str(case.path))
    check(plays, CATALOG, variables, tags=(*case.tags, *case.skip_tags))
    start = find_start(outline(plays, variables), case.start_at, case.tags, case.skip_tags) if case.start_at else None
    events: list[Event] = []
    options = RunOptions(
        emit=events.append,
        check=case.check,
        tags=case.tags,
        skip_tags=case.skip_tags,
        allow=TaskFilter(start.task).allows if start else None,
    )
    report = run_plays(plays, Stage(folder, ports=PORTS).context(), variables, CATALOG, options)
    counts = recap(report)
    assert (report.code == 0) is (counts["failed"] == 0)
    ended = [(STATUSES.get(one.status, one.status), one.task) for one in events if isinstance(one, Outcome)]
    return Observed({name: counts[name] for name in COUNTERS}, tuple(ended))

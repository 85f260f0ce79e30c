"""A report with every status, two plays, a bug, an interruption and forbidden characters."""

from __future__ import annotations

from typing import Any

from flowgate.domain import Outcome, Report
from flowgate.errors import CheckFailed, Interrupted, NotReady
from flowgate.playbook.report import ReportDocument, report_document

NASTY = '<b>&"\x1b[31m\x00\ud800 ä \U0001f600]]></script><script>'


def ended(task: str, status: str, error: BaseException | None = None, **more: Any) -> Outcome:
    fields = {"began": 0.0, "play": "First play", "message": f"{task} {status}", "seconds": 1.0, **more}
    message, seconds = fields.pop("message"), fields.pop("seconds")
    return Outcome(task, "write", status, message, seconds, "play.yml:3:5", {"n": 1}, error, **fields)


REFUSED = NotReady("it did not come up", fix="inv up", place="config.yaml:7", log=["first", "last"])
OUTCOMES = (
    ended("Same", "unchanged"),
    ended("Changed", "changed", began=1.0, seconds=2.0),
    ended("Skipped", "skipped", began=3.0, seconds=0.0),
    ended("Rescued", "rescued", CheckFailed("no"), began=3.0),
    ended("Ignored", "ignored", CheckFailed("no"), began=4.0),
    ended(NASTY, "unchanged", began=5.0, message=NASTY),
    ended("Bug", "failed", KeyError("bug"), began=6.0, play="Second. Play"),
    ended("Stopped", "failed", Interrupted("interrupted"), began=7.0, play="Second. Play"),
    ended("Refused", "failed", REFUSED, began=8.0, seconds=2.0, play="Second. Play"),
)


def whole(*outcomes: Outcome, error: BaseException | None = REFUSED, **more: Any) -> Report:
    fields: dict[str, Any] = {"playbook": "books/nightly.yml", "started": "2026-01-31T12:00:00.000Z", **more}
    resume = "inv play books/nightly.yml --start-at-task Refused" if error else ""
    return Report("p", outcomes or OUTCOMES, error, 3 if error else 0, 10.0, resume=resume, **fields)


def data(*outcomes: Outcome, **more: Any) -> ReportDocument:
    return report_document(whole(*outcomes, **more))

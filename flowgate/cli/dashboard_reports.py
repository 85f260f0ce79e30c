"""Kept reports of rehearsals and audits, and the budgets, as the dashboard shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from flowgate.cli import budgets
from flowgate.cli.stored_reports import Heading, Kept, Shelf
from flowgate.dashboard.data import BudgetLine, PromiseLine, Report, ReportLine, ReportTable
from flowgate.domain.budgets import REQUESTS_PER_DAY
from flowgate.errors import FlowGateError

if TYPE_CHECKING:
    from flowgate.audit.result import AuditResult
    from flowgate.cli.session import Session
    from flowgate.rehearsal.result import RehearsalResult

NOT_JUDGED = "not judged"


def report_lines(shelf: Shelf) -> list[ReportLine]:
    """Return a line for each report, newest first.

    Args:
        shelf: The reports.
    """
    return [_line(one.name, one.heading) for one in shelf.newest()]


def _line(name: str, heading: Heading) -> ReportLine:
    verdicts = [one["verdict"] for one in heading["verdicts"]]
    counts = ", ".join(f"{verdicts.count(word)} {word}" for word in dict.fromkeys(verdicts))
    return ReportLine(name, heading["kind"], _when(heading), heading["title"], heading["broken"], counts or NOT_JUDGED)


def _when(heading: Heading) -> str:
    return heading["at"].partition(".")[0].replace("T", " ")


def read_report(shelf: Shelf, name: str) -> Report | None:
    """Return one report; None if there is none, or if it has another form.

    Args:
        shelf: The reports.
        name: Its name.
    """
    found = shelf.read(name)
    if found is None:
        return None
    heading, result = found
    parts = _audit if heading["kind"] == "audit" else _rehearsal
    try:
        tables, notes = parts(result)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):  # another FlowGate wrote it
        return None
    return Report(_line(name, heading), tables, notes)


def _audit(result: object) -> tuple[list[ReportTable], list[str]]:
    from flowgate.audit import report

    found = cast("AuditResult", result)
    tables = [_table(report.heading(one), report.promise_table(one)) for one in found["profiles"]]
    if found["outages"]:
        tables.append(_table("Outages", report.outage_table(found["outages"])))
    broken = [
        f"{one['profile']}: '{each['promise']}' is broken by {' '.join(each['requests'])}"
        for one in found["profiles"]
        for each in one["promises"]
        if each["requests"]
    ]
    return tables, [*report.gaps(found), *broken, *found["differences"]]


def _rehearsal(result: object) -> tuple[list[ReportTable], list[str]]:
    from flowgate.rehearsal import summary

    found = cast("RehearsalResult", result)
    tables, notes = [], []
    for one in found["profiles"]:
        tables.append(_table(summary.heading(one), summary.promise_table(one, every=True)))
        tables.append(_table(f"{one['profile']}: what happened", summary.scenario_table(one)))
        notes += summary.notes(one)
    return tables, notes


def _table(title: str, rows: Sequence[Sequence[str]]) -> ReportTable:
    head, *body = rows
    return ReportTable(title, list(head), [list(row) for row in body])


def promise_lines(shelf: Shelf, profile: str) -> list[PromiseLine]:
    """Return the last verdicts on each promise of a profile.

    Args:
        shelf: The reports.
        profile: The profile.
    """
    kept, known = shelf.newest(), dict[str, dict[str, tuple[str, str, str]]]()
    for kind in ("rehearsal", "audit"):
        for promise, promised, verdict, at in _verdicts(kept, kind, profile):
            known.setdefault(promise, {}).setdefault(kind, (promised, verdict, at))
    return [_promise(name, found) for name, found in known.items()]


def _verdicts(kept: Sequence[Kept], kind: str, profile: str) -> Iterator[tuple[str, str, str, str]]:
    for one in kept:
        for each in one.heading["verdicts"] if one.heading["kind"] == kind else ():
            if each["profile"] == profile:
                yield each["promise"], each["promised"], each["verdict"], _when(one.heading)


def _promise(name: str, found: dict[str, tuple[str, str, str]]) -> PromiseLine:
    nothing = ("", "", "")
    (promised, rehearsal, rehearsed_at), (audited, audit, audited_at) = (
        found.get(kind, nothing) for kind in ("rehearsal", "audit")
    )
    return PromiseLine(name, promised or audited, rehearsal, rehearsed_at, audit, audited_at)


def budget_lines(session: Session) -> tuple[list[BudgetLine], list[str]]:
    """Return a line for each limit of a budget, and why they are not known.

    Args:
        session: The config.
    """
    try:
        report = budgets.collect(session)
    except FlowGateError as error:
        return [], [f"The budgets cannot be checked: {error.what}"]
    found = []
    for one in report["limits"]:
        spent, amount = (
            f"{x:.0f}" if one["limit"] == REQUESTS_PER_DAY else f"${x:,.2f}" for x in (one["spent"], one["amount"])
        )
        until = one["until"].partition(".")[0].replace("T", " ")
        name = f"{one['budget']} ({one['client']})" if one["client"] else one["budget"]
        found.append(BudgetLine(name, one["limit"], spent, amount, one["percent"], until, one["then"], one["state"]))
    return found, budgets.remarks(report)

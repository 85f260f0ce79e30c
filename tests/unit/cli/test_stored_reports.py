"""Results of rehearsals and audits are kept for the dashboard: privately, bounded in number, and never in the way."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.cli import audit, dashboard_reports, stored_reports
from flowgate.cli.session import Session
from flowgate.cli.stored_reports import Shelf, Verdict
from tests.conftest import Workspace
from tests.unit.audit.conftest import OUTAGE, Asked, Traffic, failing

if TYPE_CHECKING:
    from flowgate.rehearsal.result import RehearsalResult

Captured = pytest.CaptureFixture[str]
BROKEN = [Asked(10, failing(5))]
SINCE = "2025-10-01"
PROMISE = {"scenario": "outage", "promise": "answered", "promised": "yes", "observed": "no", "verdict": "broken"}


def run_audit(place: Workspace, asked: list[Asked], *, keep: bool = True) -> None:
    if asked:
        Traffic(place.runtime / "ledger.sqlite").write(asked)
    audit.show("", SINCE, "", "", as_json=False, html="", keep=keep)


def rehearsal() -> RehearsalResult:
    promises = [{**PROMISE, "verdict": "kept"}, PROMISE, {**PROMISE, "promise": "other", "verdict": "kept"}]
    profile = {"profile": "balanced", "seconds": 1.0, "scale": 0.1, "model": "m", "roles": {"a": "primary"}}
    more = {"litellm_only": False, "upstream": "u", "omitted_scenarios": {"long": "takes long"}, "omitted_settings": []}
    request = {"at": 0.0, "seconds": 1.0, "answered_by": "primary", "attempts": {}, "error": "", "model": "m"}
    scenario = {"scenario": "outage", "description": "", "runs": 1, "healthy_seconds": 1.0, "fault_ended_at": None}
    scenario |= {"requests": [request], "attempts": [], "promises": promises}
    whole = {**profile, **more, "promises": promises, "scenarios": [scenario]}
    return {"version": 1, "broken": 1, "profiles": [whole]}  # type: ignore[list-item]


def kept(place: Workspace) -> list[Path]:
    return sorted((place.runtime / "reports").glob("*"))


def test_an_audit_is_kept_privately_and_shown(place: Workspace) -> None:
    run_audit(place, BROKEN)
    [path] = kept(place)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    shelf = Shelf(place.runtime)
    [line] = dashboard_reports.report_lines(shelf)
    assert (line.kind, line.broken > 0) == ("audit", True)
    shown = dashboard_reports.read_report(shelf, line.name)
    assert shown is not None
    assert shown.tables[0].head == ["promise", "promised", "observed", "verdict"]
    assert any("is broken by r10" in note for note in shown.notes)


def test_an_audit_of_nothing_or_with_dry_is_not_kept(place: Workspace) -> None:
    run_audit(place, [])
    run_audit(place, OUTAGE, keep=False)
    assert kept(place) == []


def test_a_rehearsal_is_kept_and_its_worst_verdict_counts(session: Session, place: Workspace) -> None:
    stored_reports.keep_rehearsal(session, rehearsal())
    shelf = Shelf(place.runtime)
    found = {one.name: one.rehearsal for one in dashboard_reports.promise_lines(shelf, "balanced")}
    assert found == {"answered": "broken", "other": "kept"}
    shown = dashboard_reports.read_report(shelf, shelf.newest()[0].name)
    assert shown is not None
    assert [len(one.rows) for one in shown.tables] == [3, 1]


def test_verdicts_of_both_kinds_are_beside_each_other(session: Session, place: Workspace) -> None:
    run_audit(place, OUTAGE)
    run_audit(place, BROKEN)
    stored_reports.keep_rehearsal(session, rehearsal())
    found = dashboard_reports.promise_lines(Shelf(place.runtime), "balanced")
    assert {one.rehearsal for one in found} == {"broken", "kept", ""}
    assert {one.audit for one in found} >= {"broken", ""}
    assert dashboard_reports.promise_lines(Shelf(place.runtime), "cost") == []


def test_only_the_newest_are_kept(session: Session, place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_reports, "MOST", 3)
    run_audit(place, OUTAGE)
    for _ in range(5):
        stored_reports.keep_rehearsal(session, rehearsal())
    names = [path.name.partition("-")[0] for path in kept(place)]
    assert names == ["audit", "rehearsal", "rehearsal", "rehearsal"]


@pytest.mark.parametrize("text", ["", "{", "[]\n[]", '{"version": 9}\n{}', "\x00", '{"version": 1, "kind": "x"}\n'])
def test_a_damaged_report_is_left_out(session: Session, place: Workspace, text: str) -> None:
    stored_reports.keep_rehearsal(session, rehearsal())
    (place.runtime / "reports" / "audit-x.jsonl").write_text(text)
    shelf = Shelf(place.runtime)
    assert [one.heading["kind"] for one in shelf.newest()] == ["rehearsal"]
    assert shelf.read("audit-x") is None


def test_a_report_of_another_form_is_missing(session: Session, place: Workspace) -> None:
    stored_reports.keep_rehearsal(session, rehearsal())
    [path] = kept(place)
    heading = path.read_text().partition("\n")[0]
    path.write_text(f"{heading}\n{json.dumps({'profiles': [3]})}\n")
    assert dashboard_reports.read_report(Shelf(place.runtime), path.stem) is None


def test_a_folder_that_cannot_be_written_is_said_and_changes_nothing(place: Workspace, capsys: Captured) -> None:
    (place.runtime / "reports").write_text("a file")
    run_audit(place, OUTAGE)
    printed = capsys.readouterr()
    assert "is not kept for the dashboard" in printed.err
    assert " kept" in printed.out


def test_the_worst_verdict_is_that_of_one_profile() -> None:
    found = [
        Verdict(profile=profile, promise="p", promised="x", verdict=verdict)
        for profile, verdict in (("a", "kept"), ("b", "broken"), ("a", "not exercised"))
    ]
    assert [(one["profile"], one["verdict"]) for one in stored_reports.worst(found)] == [("a", "kept"), ("b", "broken")]

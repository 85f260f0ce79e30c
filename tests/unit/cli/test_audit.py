"""What `audit` prints of a ledger, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowgate.cli import audit
from flowgate.errors import EnvironmentFailure, FlowGateError, UnknownName, UsageError
from flowgate.ledger.entries import Run
from tests.conftest import Workspace
from tests.unit.audit.conftest import CHEAP, OUTAGE, Asked, Traffic, bad, failing, good
from tests.unit.ledger.conftest import NOW, entry, record

Captured = pytest.CaptureFixture[str]
SINCE = "2025-10-01"  # before NOW
BROKEN = [Asked(10, failing(5))]


def write(place: Workspace, asked: list[Asked], text: str | None = None, profile: str = "balanced") -> None:
    Traffic(place.runtime / "ledger.sqlite").write(asked, text, profile)


def show(since: str = SINCE, until: str = "", profile: str = "", html: str = "", *, as_json: bool = False) -> int:
    return audit.show("", since, until, profile, as_json=as_json, html=html)


def document(capsys: Captured, **more: str) -> dict[str, Any]:
    show(as_json=True, **more)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_kept_promises_give_exit_code_0(place: Workspace, capsys: Captured) -> None:
    write(place, OUTAGE)
    assert show() == 0
    printed = capsys.readouterr()
    assert "balanced: 6 requests (generation 1, LiteLLM 1.106.2)" in printed.out
    assert printed.out.count(" kept") == 7
    assert "openai/router-default  2025-10-09T" in printed.out


def test_a_profile_under_which_nothing_failed_has_one_line_and_no_table(place: Workspace, capsys: Captured) -> None:
    write(place, [Asked(0, (good(),))])
    assert show() == 0
    printed = capsys.readouterr().out
    assert "balanced: 1 request (" in printed
    assert "nothing failed that would show whether its promises hold" in printed
    assert "not exercised" not in printed


def test_a_broken_promise_gives_exit_code_1_and_the_requests(place: Workspace, capsys: Captured) -> None:
    write(place, BROKEN)
    assert show() == 1
    said = capsys.readouterr().out
    assert "attempts on the primary per request is broken by: r10 (" in said
    assert "at most 4" in said


def test_many_requests_are_cut_for_people_and_whole_in_json(place: Workspace, capsys: Captured) -> None:
    write(place, [Asked(200 * at, failing(5)) for at in range(30)])
    show()
    assert "r1400 and 22 more (" in capsys.readouterr().out
    found = {one["promise"]: one for one in document(capsys)["profiles"][0]["promises"]}
    assert len(found["attempts on the primary per request"]["requests"]) == 30


@pytest.mark.parametrize(
    ("since", "until"),
    [
        *(("1h", "2h"), ("2026-01-02", "2026-01-01"), ("x", ""), ("1d", "later"), ("-1h", ""), ("24", ""), ("1 d", "")),
        *(
            ("1h", "1h"),
            ("2026-13-01", ""),
            ("99999999999999d", ""),
            ("2026-02-30T00:00:00Z", ""),
            ("2200-01-01", "2201-01-01"),
        ),
    ],
)
def test_a_span_that_is_none_is_refused(place: Workspace, since: str, until: str) -> None:
    with pytest.raises(UsageError):
        show(since, until)


@pytest.mark.parametrize("until", ["2200-01-01", "9999-12-31T23:59:59Z"])
def test_a_time_in_the_far_future_is_a_time(place: Workspace, capsys: Captured, until: str) -> None:
    write(place, OUTAGE)
    assert show(until=until) == 0
    with pytest.raises(UsageError):
        show(since=until)


def test_only_requests_of_the_span_are_judged(place: Workspace, capsys: Captured) -> None:
    write(place, [*BROKEN, Asked(7200, [good()])])
    later = document(capsys, since="2025-10-09T10:30:00Z")
    assert (later["requests"], later["broken"]) == (1, 0)
    before = document(capsys, until="2025-10-09T10:30:00Z")
    assert (before["requests"], before["broken"], before["until"]) == (1, 1, "2025-10-09T10:30:00.000Z")


def test_a_profile_is_judged_alone(place: Workspace, capsys: Captured) -> None:
    write(place, BROKEN)
    write(place, [Asked(500, [good()])], profile="cost")
    assert [show(profile=name) for name in ("", "balanced", "cost")] == [1, 1, 0]


def test_a_profile_that_only_the_ledger_knows_is_accepted(place: Workspace, capsys: Captured) -> None:
    write(place, OUTAGE, profile="of-last-year")
    assert document(capsys, profile="of-last-year")["requests"] == 6


@pytest.mark.parametrize("filled", [True, False])
def test_an_unknown_profile_is_refused_with_a_suggestion(place: Workspace, filled: bool) -> None:
    if filled:
        write(place, OUTAGE)
    with pytest.raises(UnknownName) as caught:
        show(profile="cots")
    assert "cost" in str(caught.value.fix)


def test_without_a_ledger_there_is_nothing_to_audit(place: Workspace, capsys: Captured) -> None:
    assert show() == 0
    printed = capsys.readouterr()
    assert (printed.out, "nothing to audit" in printed.err) == ("", True)
    assert not (place.runtime / "ledger.sqlite").exists()


def test_an_empty_ledger_has_nothing_to_audit(place: Workspace, capsys: Captured) -> None:
    (place.runtime / "ledger.sqlite").touch(0o600)
    assert show() == 0
    assert "nothing to audit" in capsys.readouterr().err


def test_a_ledger_that_is_off_is_said(place: Workspace, capsys: Captured) -> None:
    place.config.write_text(place.config.read_text() + "ledger: {enabled: false}\n")
    show()
    assert "the ledger is off" in capsys.readouterr().err
    assert document(capsys)["enabled"] is False


@pytest.mark.parametrize("content", [b"no ledger " * 999, b"\0" * 8192])
def test_a_damaged_ledger_is_an_error(place: Workspace, content: bytes) -> None:
    (place.runtime / "ledger.sqlite").write_bytes(content)
    with pytest.raises(EnvironmentFailure, match="cannot be read"):
        show()


def test_what_is_missing_is_said(place: Workspace, capsys: Captured) -> None:
    path = place.runtime / "ledger.sqlite"
    write(place, OUTAGE)
    record(path, run=Run(3, "cost", "", 2**22 + 9, 1), close=False).connection.close()
    record(path, close=False).close(NOW, 4)
    record(path, entry(at=NOW, seconds=None), close=False).connection.close()
    show()
    said = capsys.readouterr().err
    assert "4 requests could not be recorded: the verdicts rest on incomplete rows" in said
    assert "generation 3 (cost) was killed at" in said
    assert "1 request is in progress and not judged yet" in said


def test_what_retention_has_deleted_is_said(place: Workspace, capsys: Captured) -> None:
    path = place.runtime / "ledger.sqlite"
    write(place, [Asked(0, [good()]), Asked(7200, [good()])])
    assert document(capsys)["kept_since"] is None
    store = record(path, close=False)
    store.connection.execute("DELETE FROM requests WHERE at < ?", (NOW + 3600,))
    store.close(NOW, 0)
    assert document(capsys)["kept_since"] == "2025-10-09T11:00:00.000Z"
    assert document(capsys, since="2025-10-09T11:00:00Z")["kept_since"] is None


def test_a_report_is_written_beside_any_output(place: Workspace, capsys: Captured, tmp_path: Path) -> None:
    write(place, BROKEN)
    page = tmp_path / "audit.html"
    assert show(html=str(page)) == 1
    assert "<h1>Audit: 1 promise is broken</h1>" in page.read_text()
    page.unlink()
    capsys.readouterr()
    document(capsys, html=str(page))
    assert page.exists()


@pytest.mark.parametrize("name", [".", "no/such/folder/a.html", "/dev/null", "a" * 300])
def test_a_report_that_cannot_be_written_is_refused(place: Workspace, name: str) -> None:
    with pytest.raises(UsageError, match="--report-html"):
        show(html=name)


def test_an_error_is_one_of_ours_if_a_table_is_missing(place: Workspace) -> None:
    write(place, OUTAGE)
    store = record(place.runtime / "ledger.sqlite", close=False)
    store.connection.execute("DROP TABLE attempts")
    store.connection.close()
    with pytest.raises(FlowGateError, match="cannot be read"):
        show()


def test_the_last_outages_are_shown_and_all_are_in_json(place: Workspace, capsys: Captured) -> None:
    write(place, [Asked(100 * at, [bad(), good(CHEAP, 1)] if at % 2 else [good()]) for at in range(61)])
    show()
    printed = capsys.readouterr()
    assert "the last 20 of 30 outages" in printed.err
    assert len(document(capsys)["outages"]) == 30


def test_the_ledger_is_read_while_a_generation_writes(place: Workspace, capsys: Captured) -> None:
    write(place, OUTAGE)
    store = record(place.runtime / "ledger.sqlite", close=False)
    store.connection.execute("BEGIN IMMEDIATE")
    assert document(capsys)["requests"] == 6
    store.connection.execute("ROLLBACK")
    store.connection.close()

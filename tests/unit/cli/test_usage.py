"""What `usage` prints of a ledger: a table, CSV, JSON; and what it says when something is missing."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from flowgate.cli import usage, usage_table
from flowgate.errors import FlowGateError, UnknownName, UsageError
from flowgate.ledger.entries import Run
from flowgate.system.clock import Clock
from tests.conftest import Workspace
from tests.unit.ledger.conftest import entry, record

Captured = pytest.CaptureFixture[str]
NOW = Clock().wall().timestamp()


def write(place: Workspace, *more: dict[str, Any], run: Run | None = None) -> None:
    entries = [entry(at=NOW - 60, **one) for one in more]
    record(place.runtime / "ledger.sqlite", *entries, run=run, close=run is None, now=NOW)


def show(by: str = "model", since: str = "7d", until: str = "", form: str = "") -> int:
    return usage.show("", by, since, until, form)


def test_a_table_has_a_row_for_each_group_and_a_total(place: Workspace, capsys: Captured) -> None:
    write(
        place,
        {"model": "a"},
        {"model": "a", "error": "Timeout", "status": 504},
        {"model": "b", "price": "subscription"},
    )
    assert show() == 0
    printed = capsys.readouterr()
    rows = [line.split() for line in printed.out.splitlines()]
    assert [row[:6] for row in rows[1:]] == [
        ["a", "2", "1", "20", "10", "$0.50"],
        ["b", "1", "0", "10", "5", "≈$0.25"],
        ["total", "3", "1", "30", "15", "$0.50+≈$0.25"],
    ]
    assert "not billed" in printed.err
    assert "█" not in printed.out


def test_a_table_by_client_names_the_requests_that_have_no_client(place: Workspace, capsys: Captured) -> None:
    write(place, {"client": ""}, {"client": "flowgate"}, {"client": "codex"})
    show("client")
    names = [line.partition("  ")[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert sorted(names) == ["(FlowGate's tests)", "(gateway's key)", "codex", "total"]


def test_json_has_exact_figures(place: Workspace, capsys: Captured) -> None:
    write(place, {"client": ""}, {"client": "codex", "cost": 0.001234})
    show("client", form="json")
    found = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["requests"], one["cost_usd"]) for one in found["groups"]] == [
        *(("", 1, 0.25), ("codex", 1, 0.001234))
    ]
    assert found["total"]["seconds_p50"] == pytest.approx(0.5, rel=0.051)
    assert (found["dropped"], found["killed"], found["enabled"]) == (0, [], True)


def test_csv_has_the_keys_of_json(place: Workspace, capsys: Captured) -> None:
    write(place, {"model": 'a "quoted", name'})
    show(form="csv")
    [row] = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["name"] == 'a "quoted", name'
    assert row.keys() == usage_table.UsageGroup.__annotations__.keys()


def test_what_is_missing_is_said(place: Workspace, capsys: Captured) -> None:
    write(place, {"price": "unknown", "cost": None}, {"prompt_tokens": None}, run=Run(3, "cost", "", 2**22 + 9, 1))
    store = record(place.runtime / "ledger.sqlite", close=False)
    store.close(NOW, 4)
    show()
    said = capsys.readouterr().err
    assert "1 answered requests have no cost here" in said
    assert "1 answered requests have no token counts" in said
    assert "4 requests could not be recorded" in said
    assert "generation 3 (cost) was killed at" in said


@pytest.mark.parametrize(("name", "words"), [("nobody", "did you mean"), ("modle", "did you mean 'model'")])
def test_an_unknown_grouping_is_refused_with_a_suggestion(place: Workspace, name: str, words: str) -> None:
    with pytest.raises(UnknownName) as caught:
        show(name)
    assert words in str(caught.value.fix) or "model" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("since", "until"),
    [("1h", "2h"), ("2026-01-02", "2026-01-01"), ("x", ""), ("1d", "later"), ("2200-01-01", "2201-01-01")],
)
def test_a_span_that_is_none_is_refused(place: Workspace, since: str, until: str) -> None:
    with pytest.raises(UsageError):
        show(since=since, until=until)


def test_without_a_ledger_there_are_no_requests(place: Workspace, capsys: Captured) -> None:
    assert show() == 0
    printed = capsys.readouterr()
    assert (printed.out, "no request is recorded" in printed.err) == ("", True)
    assert not (place.runtime / "ledger.sqlite").exists()


def test_a_ledger_that_is_off_is_said(place: Workspace, capsys: Captured) -> None:
    place.config.write_text(place.config.read_text() + "ledger: {enabled: false}\n")
    show()
    assert "the ledger is off" in capsys.readouterr().err


def test_a_damaged_ledger_is_an_error(place: Workspace) -> None:
    (place.runtime / "ledger.sqlite").write_text("no ledger " * 999)
    with pytest.raises(FlowGateError, match="cannot be read"):
        show()


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (999, "999"), (1500, "1.5k"), (2_500_000, "2.5M")])
def test_numbers_of_tokens_are_short(count: int, text: str) -> None:
    assert usage_table.short_count(count) == text

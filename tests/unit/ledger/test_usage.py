"""Sums of a span: whole hours from the sums, the rest from the requests; percentiles within 5 %."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowgate.ledger import database, histogram, usage
from flowgate.ledger.entries import Entry, Run
from flowgate.ledger.usage import Group, Span
from tests.unit.ledger.conftest import NOW, entry, record

HOUR = 3600.0


def collect(path: Path, since: float, until: float, by: str = "model") -> dict[str, Group]:
    connection = database.open_to_read(path)
    assert connection is not None
    try:
        return usage.collect(connection, Span(since, until), by)
    finally:
        connection.close()


def counts(found: dict[str, Group]) -> dict[str, int]:
    return {name: group.sums.requests for name, group in found.items()}


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("model", {"a": 2, "b": 1}),
        ("client", {"codex": 2, "": 1}),
        ("profile", {"balanced": 3}),
        ("provider", {"openai": 3}),
        ("deployment", {"openai/m": 3}),
        ("status", {"200": 1, "502": 1, "none": 1}),
        ("day", {"2025-10-09": 3}),
        ("hour", {"2025-10-09 09:00": 2, "2025-10-09 10:00": 1}),
    ],
)
def test_requests_are_grouped(path: Path, by: str, names: dict[str, int]) -> None:
    last = entry(at=NOW + HOUR, model="a", status=None, error="no response")
    record(path, entry(model="a"), entry(model="b", client="", status=502, error="Timeout"), last)
    assert counts(collect(path, NOW, NOW + 2 * HOUR, by)) == names
    assert counts(collect(path, NOW - 1, NOW + HOUR + 1, by)) == names  # edges from the requests


def test_a_span_that_is_not_at_full_hours_is_exact(path: Path) -> None:
    times = [NOW + 600 * number for number in range(30)]
    record(path, *(entry(at=at) for at in times))
    for since, until in ((NOW + 601, NOW + 10_000), (NOW + 100, NOW + 200), (NOW, NOW + 1), (NOW + 5, NOW + HOUR + 5)):
        expected = sum(since <= at < until for at in times)
        assert sum(counts(collect(path, since, until)).values()) == expected


def test_an_hour_whose_requests_are_gone_counts_as_a_whole(path: Path) -> None:
    store = record(path, entry(at=NOW + 10), entry(at=NOW + 2000), close=False)
    store.connection.execute("DELETE FROM requests")
    store.close(NOW, 0)
    assert counts(collect(path, NOW + 100, NOW + 9000)) == {"m": 2}


def test_what_is_billed_and_what_it_would_be_worth_are_apart(path: Path) -> None:
    record(path, entry(), entry(price="subscription", cost=1.5), entry(price="unknown", cost=None))
    found = collect(path, NOW, NOW + HOUR)["m"]
    assert (found.billed, found.worth, found.unpriced) == (0.25, 1.5, 1)
    assert (found.sums.prompt_tokens, found.sums.cached_tokens, found.sums.counted) == (30, 6, 3)


def test_failed_requests_are_not_in_the_percentiles(path: Path) -> None:
    record(path, entry(seconds=1.0), entry(seconds=90.0, error="Timeout", status=504))
    assert sum(collect(path, NOW, NOW + HOUR)["m"].sums.latency.values()) == 1


def test_losses_are_told(path: Path) -> None:
    store = record(path, entry(), close=False)
    store.close(NOW, 12)
    record(path, run=Run(9, "cost", "", 2**22 + 7, 1), close=False).connection.close()
    connection = database.open_to_read(path)
    assert connection is not None
    assert usage.losses(connection, Span(NOW - 1, NOW + 1)) == (12, [(9, "cost", NOW)])
    connection.close()


@given(st.lists(st.floats(min_value=0.001, max_value=5000), min_size=1, max_size=200), st.integers(1, 99))
def test_a_percentile_is_off_by_five_percent_at_most(durations: list[float], percent: int) -> None:
    counted: histogram.Histogram = {}
    for one in durations:
        histogram.add(counted, {histogram.bucket(one): 1})
    packed: histogram.Histogram = {}
    histogram.add_packed(packed, histogram.pack(counted) * 2)
    assert packed == {number: 2 * count for number, count in counted.items()}
    exact = sorted(durations)[max(0, -(-len(durations) * percent // 100) - 1)]
    assert histogram.percentiles(counted, (percent,)) == [pytest.approx(exact, rel=0.051)]


def test_no_durations_have_no_percentiles() -> None:
    assert histogram.percentiles({}, (50, 99)) == [None, None]


def test_sums_of_hours_and_of_requests_agree(path: Path) -> None:
    chance = random.Random(1)  # noqa: S311
    made: list[Entry] = []
    for _ in range(300):
        error = chance.choice(("", "", "Timeout"))
        more: dict[str, Any] = {
            "model": chance.choice("abc"),
            "error": error,
            "seconds": chance.random(),
            "retries": 1,
        }
        made.append(entry(at=NOW + chance.random() * HOUR, **more))
    record(path, *made)
    whole, single = collect(path, NOW, NOW + HOUR), collect(path, NOW + 0.0001, NOW + HOUR - 0.0001)
    assert whole.keys() == single.keys() == set("abc")
    for name in "abc":
        assert whole[name].sums.to_row()[:-2] == pytest.approx(single[name].sums.to_row()[:-2])
        assert whole[name].sums.latency == single[name].sums.latency

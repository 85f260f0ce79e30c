"""Records of rehearsals of a version of LiteLLM, and two of them side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowgate.rehearsal.figures import Figures
from flowgate.rehearsal.scenarios import SCENARIOS
from flowgate.rehearsal.version_comparison import compare, recorded_broken
from flowgate.rehearsal.version_record import Rehearsed, VersionRecord, dump, parse

FIGURES: Figures = {"start_seconds": 6.54, "memory_bytes": 380_400_000, "cpu_seconds": 0.0187}
CALM = Rehearsed("aa", ("500", "429"), 6, 5, written="w")
BROKEN = Rehearsed("bb", ("500", "429"), 6, 4, ("500: answered: promised yes, observed no",), "w")
RECORD = VersionRecord("1.2.3", "digest", "now", {"calm": CALM, "twin": CALM}, FIGURES)
BOTH = [SCENARIOS["500"], SCENARIOS["429"]]


@pytest.mark.parametrize("record", [RECORD, VersionRecord(), replace(RECORD, figures=None, profiles={"b": BROKEN})])
def test_a_record_is_read_as_it_was_written(record: VersionRecord) -> None:
    assert parse(dump(record)) == record


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "[]", "null", "7", '{"profiles": []}', '{"profiles": {"a": 1}}', '{"figures": 1, "version": 2}'],
)
def test_a_damaged_record_is_empty(text: str | None) -> None:
    assert parse(text) == VersionRecord()


def test_a_start_that_was_measured_otherwise_is_measured_again() -> None:
    before = dump(RECORD).replace('"version": 2', '"version": 1')
    assert parse(before) == replace(RECORD, figures=None)


@pytest.mark.parametrize(
    ("digests", "covered"),
    [({"calm": "aa"}, True), ({"new": "aa"}, True), ({"calm": "changed"}, False), ({"calm": "aa", "x": "b"}, False)],
)
def test_a_rehearsal_counts_for_equal_settings_only(digests: dict[str, str], covered: bool) -> None:
    assert RECORD.limited(digests).covers(digests, BOTH) is covered


def test_a_rehearsal_counts_for_the_scenarios_that_ran() -> None:
    assert not RECORD.limited({"calm": "aa"}).covers({"calm": "aa"}, [*BOTH, SCENARIOS["401"]])


@pytest.mark.parametrize(
    ("new", "is_part"),
    [
        (replace(CALM, scenarios=("500",)), True),
        (replace(CALM, scenarios=("500", "401")), False),
        (replace(CALM, scenarios=("500",), settings="other"), False),
        (replace(CALM, scenarios=("500",), broken=("500: x",)), False),
        (CALM, False),
    ],
)
def test_a_rehearsal_of_fewer_scenarios_replaces_no_larger_one(new: Rehearsed, is_part: bool) -> None:
    assert (new.is_part_of(CALM), new.is_part_of(None)) == (is_part, False)


def test_the_broken_promises_of_equal_profiles_are_counted_once() -> None:
    found = recorded_broken(replace(RECORD, profiles={"a": BROKEN, "b": BROKEN, "c": CALM}))
    assert found == ["a, 500: answered: promised yes, observed no"]


def test_two_versions_are_shown_side_by_side() -> None:
    changed = replace(BROKEN, written="changed")
    new = replace(RECORD, litellm="1.2.4", profiles={"calm": changed, "twin": replace(CALM, settings="cc")})
    rows = compare(RECORD, new, "1.2.3", "rehearsed now")
    assert rows[0] == ["", "1.2.3 (rehearsed now)", "1.2.4"]
    assert rows[1] == [
        "profile calm",
        "not rehearsed",
        "4 of 6 promises kept, 1 broken, 1 cannot be kept or judged",
    ]  # its settings have changed
    assert rows[2] == ["profile twin", *2 * ["5 of 6 promises kept, none broken, 1 cannot be kept or judged"]]
    assert rows[3:] == [
        ["start, files in memory", *2 * ["6.5 s"]],
        ["memory", *2 * ["380 MB"]],
        ["CPU per request", *2 * ["18.7 ms"]],
    ]


def test_what_is_not_known_is_not_invented() -> None:
    rows = compare(None, replace(RECORD, figures=None), "", "")
    assert {row[1] for row in rows} == {"", "not rehearsed", "-"}
    assert rows[-1] == ["CPU per request", "-", "-"]

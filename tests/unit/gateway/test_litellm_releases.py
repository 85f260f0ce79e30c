"""When releases of LiteLLM were published, and which known vulnerabilities they have."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from flowgate.gateway import blocked_versions, litellm_advisories, litellm_releases
from flowgate.gateway.litellm_advisories import ADVISORIES, Advisory

ROOT = Path(__file__).parents[3]
RANGE = Advisory("X-1", "s", "https://example.org", introduced="1.80.5", fixed="1.83.7")
LAST = Advisory("X-2", "s", "https://example.org", last_affected="1.83.8")
UNKNOWN = Advisory("X-3", "s", "https://example.org")


@pytest.mark.parametrize(
    "version, state",
    [
        ("1.80.4", "not affected"),
        ("1.80.5rc1", "not affected"),
        ("1.80.5", "affected"),
        ("1.83.6", "affected"),
        ("1.83.6.post3", "affected"),
        ("1.83.7rc1", "affected"),
        ("1.83.7.dev2", "affected"),
        ("1.83.7", "not affected"),
        ("1.83.7+cpu", "not affected"),
        ("1.83.7.post1", "not affected"),
        ("v1.83.6", "affected"),
        ("1.100.0", "not affected"),
        ("2", "not affected"),
        ("main-latest", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_release_is_compared_with_the_range_of_an_advisory(version: str, state: str) -> None:
    assert litellm_advisories.state(RANGE, version) == state


@pytest.mark.parametrize(
    "version, state",
    [
        ("1.83.8", "affected"),
        ("1.83.8+cpu", "affected"),
        ("1.83.8.post1", "affected"),
        ("1.83.9", "not affected"),
        ("1.0", "affected"),
    ],
)
def test_the_last_affected_release_is_affected(version: str, state: str) -> None:
    assert litellm_advisories.state(LAST, version) == state


@pytest.mark.parametrize("version", ["1.0", "1.106.2", "1.108.7", "9.9"])
def test_without_a_fixed_version_the_state_of_every_release_is_unknown(version: str) -> None:
    assert litellm_advisories.state(UNKNOWN, version) == "unknown"


def test_the_release_without_any_is_the_highest_fixed_one() -> None:
    later = Advisory("X-4", "s", "https://example.org", fixed="1.101.0rc1")
    assert litellm_advisories.first_without([RANGE, LAST, later]) == "1.101.0rc1"


def test_no_release_is_named_where_a_source_names_none() -> None:
    lists = [[RANGE, LAST], [LAST], [RANGE, UNKNOWN], list[Advisory]()]
    assert [litellm_advisories.first_without(one) for one in lists] == [""] * 4


@pytest.mark.parametrize("advisory", ADVISORIES, ids=lambda one: one.id)
def test_every_advisory_has_a_source_and_versions_that_can_be_compared(advisory: Advisory) -> None:
    numbers = [advisory.introduced, advisory.fixed, advisory.last_affected]
    assert all(litellm_releases.parse(one) is not None for one in numbers if one)
    assert advisory.source.startswith("https://")
    assert not (advisory.fixed and advisory.last_affected)


def test_advisories_are_listed_once_and_by_the_release_that_fixes_them() -> None:
    fixed = [litellm_releases.number(one.fixed or one.last_affected) for one in ADVISORIES if one.fixed]
    assert fixed == sorted(fixed)
    assert len({one.id for one in ADVISORIES}) == len(ADVISORIES)


@pytest.mark.parametrize(
    "version, earliest, latest",
    [
        ("1.108.7", date(2026, 11, 12), date(2026, 11, 12)),
        ("1.108.7+cpu", date(2026, 11, 12), date(2026, 11, 12)),
        ("1.108.5", date(2026, 11, 10), date(2026, 11, 10)),
        ("1.108.5.post1", date(2026, 11, 10), date(2026, 11, 12)),
        ("1.108.7.post1", date(2026, 11, 12), date(2026, 11, 13)),
        ("1.108.99", date(2026, 11, 20), None),
        ("1.108.0rc1", None, date(2026, 11, 4)),
        ("1.111.0", date(2026, 11, 18), None),
        ("1.111.0rc1", None, None),
        ("1.106", date(2026, 10, 18), date(2026, 10, 18)),
        ("1.105.9", date(2026, 10, 28), None),
        ("1.100.0rc1", None, date(2026, 9, 6)),
        ("1.99.9", None, None),
        ("main", None, None),
    ],
)
def test_neighbours_bound_the_date_of_a_release(version: str, earliest: date | None, latest: date | None) -> None:
    assert litellm_releases.published(version) == litellm_releases.Published(earliest, latest)


def test_files_were_written_after_the_release_was_published() -> None:
    assert litellm_releases.published("1.90.0", date(2026, 9, 1)).latest == date(2026, 9, 1)


def test_a_date_of_files_before_the_first_release_says_nothing() -> None:
    assert litellm_releases.published("1.90.0", date(1980, 1, 1)).latest is None


def test_the_locked_release_has_a_date_in_the_table() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    [locked] = [one for one in lock["package"] if one["name"] == "litellm"]
    day = locked["sdist"]["upload-time"][:10]
    assert litellm_releases.PUBLISHED.get(locked["version"]) == date.fromisoformat(day)


def test_each_release_of_the_table_has_one_day_and_is_not_blocked() -> None:
    versions = [one for line in litellm_releases.UPLOADS.values() for one in line.split()]
    assert len(versions) == len(set(versions)) == len(litellm_releases.PUBLISHED)
    assert not [one for one in versions if blocked_versions.reason(one)]
    assert list(litellm_releases.UPLOADS) == sorted(litellm_releases.UPLOADS)

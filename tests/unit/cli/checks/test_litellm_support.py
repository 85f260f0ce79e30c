"""Which LiteLLM `doctor` warns of."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from flowgate.cli.checks import litellm_support
from flowgate.cli.checks.finding import Finding
from flowgate.gateway import litellm_environments
from flowgate.system import files, installed
from flowgate.system.clock import Clock
from tests.unit.cli.sessions import SessionFactory

TODAY = date(2026, 11, 26)
NOON = Clock(wall=lambda: datetime(2026, 11, 26, 12, tzinfo=UTC))


def check(version: str, today: date = TODAY, written: date | None = None) -> list[Finding]:
    return list(litellm_support.support(version, today, written))


@pytest.mark.parametrize(
    "version, today, status, words",
    [
        ("1.108.7", date(2027, 1, 11), "pass", "published on 2026-11-12"),
        ("1.108.7", date(2027, 1, 12), "warn", "older than 60 days (published on 2026-11-12)"),
        ("1.108.5", date(2026, 12, 1), "pass", "not before 2026-11-04"),
        ("1.108.5", date(2027, 1, 5), "warn", "unknown when LiteLLM 1.108.5 was published"),
        ("1.108.5", date(2027, 1, 20), "warn", "older than 60 days (published not after 2026-11-12)"),
        ("1.112.3", TODAY, "pass", "not before 2026-11-18"),
        ("1.112.3", date(2027, 6, 1), "warn", "unknown when"),
        ("1.104.0", TODAY, "warn", "unknown when"),
        ("main", TODAY, "warn", "unknown when"),
        ("1.108.7", date(2026, 1, 1), "warn", "the clock says 2026-01-01"),
    ],
)
def test_age_is_known_or_said_to_be_unknown(version: str, today: date, status: str, words: str) -> None:
    found = check(version, today)[0]
    assert (found.status, words in found.message) == (status, True), found.message


@pytest.mark.parametrize(
    "written, words",
    [(date(2026, 9, 1), "older than 60 days"), (date(2026, 11, 20), "its files are from 2026-11-20")],
)
def test_old_files_prove_an_old_release_and_new_ones_prove_nothing(written: date, words: str) -> None:
    found = check("1.90.0", written=written)[0]
    assert (found.status, words in found.message) == ("warn", True), found.message


@pytest.mark.parametrize(
    "version, count, fixed",
    [
        ("1.82.0", 11, "1.101.0rc1"),
        ("1.83.7", 7, "1.101.0rc1"),
        ("1.83.8", 7, "1.101.0rc1"),
        ("1.83.9", 6, "1.101.0rc1"),
        ("1.83.14", 3, "1.101.0rc1"),
        ("1.84.0", 1, "1.101.0rc1"),
        ("1.101.0.dev1", 1, "1.101.0rc1"),
    ],
)
def test_known_vulnerabilities_are_counted_and_the_fix_is_named(version: str, count: int, fixed: str) -> None:
    [found] = [one for one in check(version) if " known vulnerabilit" in one.message]
    assert (found.status, found.fix) == ("warn", "inv litellm.upgrade")
    assert f"has {count} known" in found.message
    assert f"fixed in {fixed}:" in found.message


@pytest.mark.parametrize("version", ["1.101.0rc1", "1.106.2", "1.108.7", "1.110.2"])
def test_an_advisory_without_a_fixed_version_stays_unknown(version: str) -> None:
    messages = [one.message for one in check(version) if one.status == "warn" and "unknown whether" in one.message]
    assert ["CVE-2026-114612" in one and version in one for one in messages] == [True]
    assert not [one for one in check(version) if " known vulnerabilit" in one.message]


def test_a_text_that_is_no_version_is_unknown_once() -> None:
    assert [one.status for one in check("main")] == ["warn", "warn"]


def in_force(session_of: SessionFactory, version: str) -> list[Finding]:
    session = session_of()
    record = litellm_environments.EnvironmentRecord(in_force=version)
    path = litellm_environments.record_path(session.config)
    files.make_private_folder(path.parent)
    files.write_atomic(path, litellm_environments.dump(record), mode=0o600)
    return list(litellm_support.of_upgraded(session, NOON))


@pytest.mark.parametrize("version", ["1.107.0", "1.107", "1.82.7+cpu", "v1.82.8"])
def test_an_upgrade_to_a_blocked_release_fails(new_session: SessionFactory, version: str) -> None:
    [found] = in_force(new_session, version)
    assert (found.status, found.fix) == ("fail", "inv litellm.rollback")


def test_the_release_in_force_is_checked_too(new_session: SessionFactory) -> None:
    assert "1.106.2 was published on 2026-10-21" in in_force(new_session, "1.106.2")[0].message


def test_without_an_upgrade_there_is_nothing_more_to_check(new_session: SessionFactory) -> None:
    assert in_force(new_session, litellm_environments.BUNDLED) == []
    assert in_force(new_session, installed.version("litellm") or "") == []


def test_the_installed_release_is_checked() -> None:
    assert litellm_support.CHECK in {one.check for one in litellm_support.of_installed(NOON)}

"""Which LiteLLM `doctor` warns of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from flowgate.cli.checks import litellm_support, litellm_version
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session
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
        ("1.108.5", date(2027, 1, 9), "pass", "published on 2026-11-10"),
        ("1.108.5", date(2027, 1, 10), "warn", "older than 60 days (published on 2026-11-10)"),
        ("1.104.0", date(2026, 12, 2), "pass", "published on 2026-10-03"),
        ("1.104.0", date(2026, 12, 3), "warn", "older than 60 days (published on 2026-10-03)"),
        ("1.108.5.post1", date(2026, 12, 1), "pass", "not before 2026-11-10"),
        ("1.108.5.post1", date(2027, 1, 12), "warn", "older than 60 days (published not after 2026-11-12)"),
        ("1.112.3", TODAY, "pass", "not before 2026-11-18"),
        ("1.112.3", date(2027, 6, 1), "pass", "is not known to be older than 60 days"),
        ("1.99.9", TODAY, "pass", "is not known to be older than 60 days"),
        ("main", TODAY, "pass", "is not known to be older than 60 days"),
        ("1.108.7", date(2026, 1, 1), "warn", "the clock says 2026-01-01"),
    ],
)
def test_a_release_is_old_only_if_that_is_known(version: str, today: date, status: str, words: str) -> None:
    found = check(version, today)[0]
    assert (found.status, words in found.message) == (status, True), found.message


def test_old_files_prove_an_old_release() -> None:
    found = check("1.90.0", written=date(2026, 9, 1))[0]
    assert (found.status, "older than 60 days" in found.message) == ("warn", True)


@pytest.mark.parametrize(
    "written, detail",
    [
        (None, "release date not known"),
        (date(2026, 11, 20), "release date not known; its files are from 2026-11-20"),
        (date(2027, 1, 1), "release date not known"),
    ],
)
def test_a_date_that_is_not_known_is_no_warning(written: date | None, detail: str) -> None:
    found = check("1.90.0", written=written)[0]
    assert (found.status, found.detail, found.fix) == ("pass", detail, "")


def test_the_sources_of_known_vulnerabilities_are_in_the_detail() -> None:
    [found] = [one for one in check("1.83.7") if " known vulnerabilit" in one.message]
    assert len(found.detail.split(", ")) == 7
    assert all(one.startswith("https://") for one in found.detail.split(", "))


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
def test_a_release_without_a_vulnerability_of_every_config_passes(version: str) -> None:
    assert [one.status for one in check(version)[1:]] == ["pass"]


def test_a_text_that_is_no_version_is_unknown_once() -> None:
    assert [one.status for one in check("main")] == ["pass", "warn"]


def upgraded(session_of: Callable[[], Session], version: str) -> Session:
    """Return a session after an upgrade to a version; the environment itself is missing."""
    session = session_of()
    record = litellm_environments.EnvironmentRecord(in_force=version)
    path = litellm_environments.record_path(session.config)
    files.make_private_folder(path.parent)
    files.write_atomic(path, litellm_environments.dump(record), mode=0o600)
    return session


def in_force(session_of: SessionFactory, version: str) -> list[Finding]:
    return list(litellm_support.of_upgraded(upgraded(session_of, version), NOON))


@pytest.mark.parametrize("version", ["1.107.0", "1.107", "1.82.7+cpu", "v1.82.8"])
def test_an_upgrade_to_a_blocked_release_fails(new_session: SessionFactory, version: str) -> None:
    session = upgraded(new_session, version)
    [found] = [*litellm_version.in_force(session), *litellm_support.of_upgraded(session, NOON)]
    assert (found.status, found.fix) == ("fail", "inv litellm.rollback")


def test_a_missing_environment_that_is_not_blocked_is_installed_again(new_session: SessionFactory) -> None:
    [found] = litellm_version.in_force(upgraded(new_session, "1.106.12"))
    assert (found.status, found.fix) == ("fail", "inv litellm.upgrade --to 1.106.12")


def test_the_release_in_force_is_checked_too(new_session: SessionFactory) -> None:
    assert "1.106.12 was published on 2026-11-20" in in_force(new_session, "1.106.12")[0].message


# --- what only a LiteLLM with stored credentials has

DATABASE = {
    "in general_settings": ("profiles:", "  general_settings: {database_url: postgres://h/d}\nprofiles:"),
    "from a variable": ("profiles:", "  general_settings: {database_url: os.environ/MY_DATABASE}\nprofiles:"),
    "of one profile": ("balanced: {}", "balanced: {general_settings: {database_url: postgres://h/d}}"),
    "in environment_variables": ("profiles:", "  environment_variables: {DATABASE_URL: postgres://h/d}\nprofiles:"),
    "in the service's env": ("  litellm:\n", "  litellm:\n    env: {DATABASE_URL: postgres://h/d}\n"),
    "by parts": ("  litellm:\n", "  litellm:\n    env: {DATABASE_HOST: h}\n"),
    "for migrations": ("  litellm:\n", "  litellm:\n    env: {DIRECT_URL: postgres://h/d}\n"),
    "a salt key": ("  litellm:\n", "  litellm:\n    env: {LITELLM_SALT_KEY: os.environ/SALT}\n"),
    "a salt key for LiteLLM's own reader": (
        "profiles:",
        "  environment_variables: {LITELLM_SALT_KEY: os.environ/LITELLM_SALT_KEY}\nprofiles:",
    ),
    "a variable by its own name": ("os.environ/SPARE_KEY", "os.environ/LITELLM_SALT_KEY"),
    "a program of one's own": ("  litellm:\n", "  litellm:\n    command: {args: [/opt/run-litellm]}\n"),
}
NONE = {
    "the plain config": ("profiles:", "profiles:"),
    "an empty address": ("profiles:", "  general_settings: {database_url: ''}\nprofiles:"),
    "one for the other program": ("-config,", "-salt, DATABASE_URL, -config,"),
    "Redis": ("balanced: {}", "balanced: {router_settings: {redis_host: 127.0.0.1}}"),
    "a master key": ("profiles:", "  general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}\nprofiles:"),
}


@pytest.mark.parametrize("case", DATABASE)
def test_a_litellm_that_stores_credentials_is_warned_of_with_the_place(new_session: SessionFactory, case: str) -> None:
    [found] = litellm_support.of_config(new_session(DATABASE[case]))
    assert (found.status, "LITELLM_SALT_KEY" in found.fix) == ("warn", True)
    assert "may have (which releases contain the fix is unknown) CVE-2026-114612" in found.message
    assert f"stores credentials: {new_session.folder}/flowgate.yaml:" in found.message


@pytest.mark.parametrize("case", NONE)
def test_another_litellm_is_not_warned_of(new_session: SessionFactory, case: str) -> None:
    [found] = litellm_support.of_config(new_session(NONE[case]))
    assert (found.status, found.fix) == ("pass", "")


@pytest.mark.parametrize("version", ["1.106.12", "1.106.2", "1.109.0", "1.84.0"])
def test_the_release_in_force_is_named(new_session: SessionFactory, version: str) -> None:
    session = upgraded(lambda: new_session(DATABASE["by parts"]), version)
    assert f"LiteLLM {version} may have" in next(litellm_support.of_config(session)).message
    assert not [one for one in litellm_support.of_installed(NOON) if "CVE-2026-114612" in one.message]


def test_without_an_upgrade_there_is_nothing_more_to_check(new_session: SessionFactory) -> None:
    assert in_force(new_session, litellm_environments.BUNDLED) == []
    assert in_force(new_session, installed.version("litellm") or "") == []


def test_the_installed_release_is_checked() -> None:
    assert litellm_support.CHECK in {one.check for one in litellm_support.of_installed(NOON)}

"""Requests in the recorded order, and the real program's responses to them."""

from __future__ import annotations

import json
import re

import pytest

from tests.contract.comparing import FILES, differences, normal, recorded
from tests.contract.conftest import Candidate
from tests.contract.subject import API, MANAGEMENT, Subject, Tree
from tests.contract.tour import Tour

NAMES = sorted({name for contract in FILES for name in recorded(contract, "answers")})
ELSEWHERE = ("mgmt_off.", "mgmt_env.", "open.", "example_key.", "reload.")
NO_KEY = {"remote_management": {"allow-remote": False, "secret-key": "", "disable-control-panel": True}}


@pytest.fixture(scope="module")
def responses(candidate: Candidate) -> dict[str, Tree]:
    """All responses of one run."""
    subject = candidate.begin()
    tour = Tour(subject)
    _wait_for_models(candidate, tour, API)
    tour.public()
    tour.models()
    tour.completions()
    tour.management([name[9:] for name in recorded(candidate.contract, "answers") if name.startswith("mgmt.get.")])
    for part in (tour.configuring, tour.logins, tour.callbacks, tour.browser, tour.uploads):
        part()
    for part in (tour.switching, tour.watching, tour.ban):
        part()
    return {name: normal(row, subject) for name, row in tour.rows.items()}


def _wait_for_models(candidate: Candidate, tour: Tour, key: str) -> None:
    """Wait for the models without an account: the real program asks their provider for a list first."""
    if candidate.contract == "7.2.137":
        tour.until(lambda: bool(tour.subject.ask("GET", "/v1/models", key=key).json()["data"]), 60)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(ELSEWHERE)])
def test_a_recorded_request_gets_the_recorded_response(
    candidate: Candidate, responses: dict[str, Tree], name: str
) -> None:
    row = recorded(candidate.contract, "answers").get(name)
    if row is None:
        pytest.skip(f"not recorded for {candidate.contract}")
    found = [one for one in differences(_comparable(row), _comparable(responses[name])) if not _trimmed(name, one)]
    assert found == []


def _trimmed(name: str, difference: str) -> bool:
    """Return whether the recording is shortened there: the real program's models have more keys."""
    return name.startswith(("mgmt.get.model-definitions", "models.client_version")) and difference.endswith(
        "not in the recording"
    )


def _comparable(row: Tree) -> Tree:
    """Remove the request, the duration, and the time in names."""
    kept = {key: value for key, value in row.items() if key not in ("method", "path", "seconds")}
    headers = row.get("headers", {}).items()
    kept["headers"] = {key: value for key, value in headers if not key.endswith(("-methods", "-trace-id"))}
    changed: Tree = json.loads(re.sub(r"error-v1-[\w-]+\.log", "error.log", json.dumps(kept)))
    return changed


def _assert_as_recorded(candidate: Candidate, tour: Tour, name: str) -> None:
    row = recorded(candidate.contract, "answers")[name]
    assert list(differences(_comparable(row), _comparable(normal(tour.rows[name], tour.subject)))) == []


def test_without_a_management_key_the_management_api_does_not_exist(candidate: Candidate) -> None:
    tour = Tour(candidate.begin(**NO_KEY))
    tour.manage("mgmt_off.no_key", "GET", "auth-files", key="")
    tour.manage("mgmt_off.key", "GET", "auth-files")
    _assert_as_recorded(candidate, tour, "mgmt_off.no_key")
    _assert_as_recorded(candidate, tour, "mgmt_off.key")


def test_a_management_key_in_the_environment_admits_other_machines(candidate: Candidate) -> None:
    tour = Tour(candidate.begin(env={"MANAGEMENT_PASSWORD": MANAGEMENT}, api_keys=[], **NO_KEY))
    _wait_for_models(candidate, tour, "")
    tour.manage("mgmt_env.key", "GET", "auth-files")
    tour.manage("mgmt_env.forwarded", "GET", "auth-files", headers={"X-Forwarded-For": "198.51.100.7"})
    tour.ask("open.models_no_key", "GET", "/v1/models", key="")
    for name in tour.rows:
        _assert_as_recorded(candidate, tour, name)


def test_an_example_key_starts_the_safe_mode_of_the_newer_line(candidate: Candidate) -> None:
    tour = Tour(candidate.begin(api_keys=["your-api-key-1"]))
    tour.ask("example_key.root", "GET", "/", key="")
    tour.ask("example_key.models", "GET", "/v1/models", key="your-api-key-1")
    for name in tour.rows:
        _assert_as_recorded(candidate, tour, name)


@pytest.fixture(scope="module")
def remote(candidate: Candidate) -> Subject:
    """A program that other machines may manage; the tests below depend on their order."""
    settings = {"allow-remote": True, "secret-key": MANAGEMENT, "disable-control-panel": True}
    subject = candidate.begin(remote_management=settings)
    watching = "file watcher started" if candidate.name == "real" else "200 |"
    assert Tour(subject).until(lambda: watching in (subject.root / "log").read_text())
    return subject


def test_a_plain_management_key_is_hashed_in_the_file(remote: Subject) -> None:
    assert '"$2a$10$' in remote.config.read_text()
    assert remote.manage("GET", "debug").status_code == 200


def test_another_machine_is_banned_after_five_failed_attempts(remote: Subject) -> None:
    forwarded = {"X-Forwarded-For": "198.51.100.7"}
    statuses = [
        remote.manage("GET", "debug", key=key, headers=forwarded).status_code for key in ("no", "", "no", "", "no")
    ]
    assert statuses == [401] * 5
    assert "IP banned" in remote.manage("GET", "debug", headers=forwarded).json()["error"]
    assert remote.manage("GET", "debug").status_code == 200


def test_a_client_key_written_in_place_is_accepted_without_a_restart(remote: Subject) -> None:
    remote.write({**remote.document(), "api-keys": ["sk-reload"]})
    assert Tour(remote).until(lambda: _admits(remote, "sk-reload"))


def test_a_renamed_config_and_later_edits_are_not_reloaded(candidate: Candidate) -> None:
    subject = candidate.begin()
    new = subject.root / "new"
    new.write_text(json.dumps({**subject.document(), "api-keys": ["sk-renamed"]}))
    new.rename(subject.config)
    subject.write({**subject.document(), "api-keys": ["sk-later"]})
    assert not Tour(subject).until(lambda: _admits(subject, "sk-renamed") or _admits(subject, "sk-later"), 0.7)


def _admits(subject: Subject, key: str) -> bool:
    return bool(subject.ask("GET", "/v1/models", key=key).status_code == 200)

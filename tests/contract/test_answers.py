"""Question by question, in the recorded order: what the real program answered."""

from __future__ import annotations

import json
import re

import pytest

from tests.contract.comparing import differences, normal, recorded
from tests.contract.conftest import Candidate
from tests.contract.subject import MANAGEMENT, Subject, Tree
from tests.contract.tour import Tour

NAMES = sorted({*recorded("6.8", "answers"), *recorded("7.2", "answers")})
ELSEWHERE = ("mgmt_off.", "mgmt_env.", "open.", "example_key.", "reload.")
NO_KEY = {"remote_management": {"allow-remote": False, "secret-key": "", "disable-control-panel": True}}


@pytest.fixture(scope="module")
def answered(candidate: Candidate) -> dict[str, Tree]:
    """Everything one run answered."""
    subject = candidate.begin()
    tour = Tour(subject)
    tour.public()
    tour.models()
    tour.questions()
    tour.management([name[9:] for name in recorded(candidate.contract, "answers") if name.startswith("mgmt.get.")])
    for part in (tour.configuring, tour.logins, tour.callbacks, tour.browser, tour.uploads):
        part()
    for part in (tour.switching, tour.watching, tour.ban):
        part()
    return {name: normal(row, subject) for name, row in tour.rows.items()}


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(ELSEWHERE)])
def test_a_recorded_question_gets_the_recorded_answer(
    candidate: Candidate, answered: dict[str, Tree], name: str
) -> None:
    row = recorded(candidate.contract, "answers").get(name)
    if row is None:
        pytest.skip(f"not asked of {candidate.contract}")
    found = [one for one in differences(_told(row), _told(answered[name])) if not _trimmed(name, one)]
    assert found == []


def _trimmed(name: str, difference: str) -> bool:
    """Say whether the recorder left something out: the real program's models carry more keys."""
    return "model-definitions" in name and difference.endswith("not in the recording")


def _told(row: Tree) -> Tree:
    """Leave out how it was asked, how long it took, and names that hold the time."""
    kept = {key: value for key, value in row.items() if key not in ("method", "path", "seconds")}
    kept["headers"] = {key: value for key, value in row.get("headers", {}).items() if not key.endswith(("-methods",))}
    changed: Tree = json.loads(re.sub(r"error-v1-[\w-]+\.log", "error.log", json.dumps(kept)))
    return changed


def _same(candidate: Candidate, tour: Tour, name: str) -> None:
    row = recorded(candidate.contract, "answers")[name]
    assert list(differences(_told(row), _told(normal(tour.rows[name], tour.subject)))) == []


def test_without_a_key_there_is_no_management(candidate: Candidate) -> None:
    tour = Tour(candidate.begin(**NO_KEY))
    tour.manage("mgmt_off.no_key", "GET", "auth-files", key="")
    tour.manage("mgmt_off.key", "GET", "auth-files")
    _same(candidate, tour, "mgmt_off.no_key")
    _same(candidate, tour, "mgmt_off.key")


def test_a_key_in_the_environment_lets_other_machines_in_too(candidate: Candidate) -> None:
    tour = Tour(candidate.begin(env={"MANAGEMENT_PASSWORD": MANAGEMENT}, api_keys=[], **NO_KEY))
    tour.manage("mgmt_env.key", "GET", "auth-files")
    tour.manage("mgmt_env.forwarded", "GET", "auth-files", headers={"X-Forwarded-For": "198.51.100.7"})
    tour.ask("open.models_no_key", "GET", "/v1/models", key="")
    for name in tour.rows:
        _same(candidate, tour, name)


def test_an_example_key_puts_the_newer_line_into_its_safe_mode(candidate: Candidate) -> None:
    tour = Tour(candidate.begin(api_keys=["your-api-key-1"]))
    tour.ask("example_key.root", "GET", "/", key="")
    tour.ask("example_key.models", "GET", "/v1/models", key="your-api-key-1")
    for name in tour.rows:
        _same(candidate, tour, name)


@pytest.fixture(scope="module")
def reached(candidate: Candidate) -> Subject:
    """One that other machines may manage; the tests below use it in their order."""
    remote = {"allow-remote": True, "secret-key": MANAGEMENT, "disable-control-panel": True}
    subject = candidate.begin(remote_management=remote)
    watching = "file watcher started" if candidate.name == "real" else "200 |"
    assert Tour(subject).until(lambda: watching in (subject.root / "log").read_text())
    return subject


def test_a_plain_management_key_is_hashed_in_the_file(reached: Subject) -> None:
    assert '"$2a$10$' in reached.config.read_text()
    assert reached.manage("GET", "debug").status_code == 200


def test_another_machine_is_banned_after_five_misses(reached: Subject) -> None:
    far = {"X-Forwarded-For": "198.51.100.7"}
    missed = [reached.manage("GET", "debug", key=key, headers=far).status_code for key in ("no", "", "no", "", "no")]
    assert missed == [401] * 5
    assert "IP banned" in reached.manage("GET", "debug", headers=far).json()["error"]
    assert reached.manage("GET", "debug").status_code == 200


def test_a_client_key_written_in_place_is_used_at_once(reached: Subject) -> None:
    reached.write({**reached.tree(), "api-keys": ["sk-reload"]})
    assert Tour(reached).until(lambda: _lists(reached, "sk-reload"), 4)


def test_a_config_that_was_renamed_over_is_never_seen(candidate: Candidate) -> None:
    subject = candidate.begin()
    new = subject.root / "new"
    new.write_text(json.dumps({**subject.tree(), "api-keys": ["sk-renamed"]}))
    new.rename(subject.config)
    subject.write({**subject.tree(), "api-keys": ["sk-later"]})
    assert not Tour(subject).until(lambda: _lists(subject, "sk-renamed") or _lists(subject, "sk-later"), 0.7)


def _lists(subject: Subject, key: str) -> bool:
    return bool(subject.ask("GET", "/v1/models", key=key).status_code == 200)

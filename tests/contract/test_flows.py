"""Whole logins, and credentials whose vendor fails, compared with the recorded flows.

The embedded upstream simulates the vendors itself. A real binary is skipped here: it would need fake vendors with TLS.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract.comparing import differences, normal, recorded
from tests.contract.conftest import Candidate
from tests.contract.subject import Subject, Tree
from tests.contract.tour import Tour, codex_file

MODELS = {"6.8": "gpt-5.2", "7.2": "gpt-5.4"}
ONLINE = {"proxy_url": ""}


@pytest.fixture(autouse=True)
def _vendors_are_simulated(candidate: Candidate) -> None:
    if candidate.name == "real":
        pytest.skip("a real binary needs fake vendors")
    if candidate.contract not in MODELS:
        pytest.skip(f"no flows were recorded of {candidate.contract}")


@pytest.fixture(scope="module")
def subject(candidate: Candidate) -> Subject:
    return candidate.begin(**ONLINE)


def _begin(subject: Subject, start: str = "codex-auth-url") -> Tree:
    answer: Tree = subject.manage("GET", start).json()
    return answer


def _status(subject: Subject, state: str) -> Tree:
    answer: Tree = subject.manage("GET", f"get-auth-status?state={state}").json()
    return answer


def _ended(subject: Subject, state: str) -> Tree:
    """Wait until a login has ended, and return its status."""
    assert Tour(subject).until(lambda: _status(subject, state)["status"] != "wait", 60)
    return _status(subject, state)


def _decide(subject: Subject, state: str, decision: str) -> Any:
    form = {"state": state, "decision": decision}
    return subject.ask("POST", "/embedded/approve", key="", data=form)


def test_a_pasted_callback_completes_a_login_with_the_recorded_file(candidate: Candidate, subject: Subject) -> None:
    state = _begin(subject)["state"]
    subject.manage("POST", "oauth-callback", json={"provider": "codex", "code": "good", "state": state})
    wanted = recorded(candidate.contract, "flows")["codex.file"]
    assert _ended(subject, state) == {"status": "ok"}
    assert sorted(json.loads((subject.auth / wanted["name"]).read_text())) == wanted["keys"]
    assert wanted["name"] in subject.listed()


def test_another_session_of_the_provider_has_the_recorded_status(candidate: Candidate, subject: Subject) -> None:
    state, other = _begin(subject)["state"], _begin(subject)["state"]
    body = {"provider": "codex", "code": "good", "state": state}
    subject.manage("POST", "oauth-callback", json=body)
    _ended(subject, state)
    rows = recorded(candidate.contract, "flows")
    assert _status(subject, other) == rows["codex.other_session_after"]["body"]
    late = subject.manage("POST", "oauth-callback", json=body)
    row = rows["codex.callback_after_done"]
    assert (late.status_code, late.json()) == (row["status"], row["body"])


def test_a_browser_completes_a_login_through_the_callback_listener(subject: Subject) -> None:
    state = _begin(subject, "codex-auth-url?is_webui=true")["state"]
    back = _decide(subject, state, "approve").headers["Location"]
    assert urlsplit(back).port == subject.ports["codex"]
    redirected = subject.http.get(back.replace("localhost", "127.0.0.1"), timeout=60)
    assert "Authentication successful" in redirected.text
    assert _ended(subject, state) == {"status": "ok"}


def test_the_address_of_a_login_leads_to_a_page_with_two_buttons(subject: Subject) -> None:
    began = _begin(subject)
    address = urlsplit(began["url"])
    assert parse_qs(address.query)["state"] == [began["state"]]
    page = subject.ask("GET", f"{address.path}?{address.query}", key="").text
    assert re.findall("<button id='(\\w+)'", page) == ["approve", "deny"]


def test_a_denied_login_fails(subject: Subject) -> None:
    state = _begin(subject, "anthropic-auth-url")["state"]
    page = _decide(subject, state, "deny").text
    here = re.findall("id='finish' href='([^']+)'", page)[0].replace("&amp;", "&")
    assert subject.ask("GET", here, key="").status_code == 200
    assert _ended(subject, state) == {"status": "error", "error": "Bad request"}


def test_without_a_listener_the_page_shows_the_address_to_paste(subject: Subject) -> None:
    state = _begin(subject)["state"]
    page = _decide(subject, state, "approve").text
    pasted = re.findall("id='redirect'>([^<]+)<", page)[0].replace("&amp;", "&")
    accepted = subject.manage("POST", "oauth-callback", json={"provider": "codex", "redirect_url": pasted})
    assert accepted.status_code == 200
    assert _ended(subject, state) == {"status": "ok"}


def test_an_unknown_code_is_not_exchanged(subject: Subject) -> None:
    state = _begin(subject)["state"]
    subject.manage("POST", "oauth-callback", json={"provider": "codex", "code": "made-up", "state": state})
    ended = _ended(subject, state)
    assert ended["status"] == "error"
    assert ended["error"].startswith("Failed to exchange authorization code for tokens")


@pytest.mark.parametrize("provider", ["github", "kimi", "qwen"])
def test_a_device_login_is_completed_by_a_click(candidate: Candidate, subject: Subject, provider: str) -> None:
    began = subject.manage("GET", f"{provider}-auth-url")
    if candidate.newer and provider != "kimi":
        assert began.status_code == 404
        return
    state = began.json()["state"]
    assert _status(subject, state) == {"status": "wait"}
    _decide(subject, state, "approve")
    assert _ended(subject, state) == {"status": "ok"}
    assert [name for name in subject.listed() if name.startswith(provider)]


def test_a_login_can_be_cancelled_on_the_newer_line(candidate: Candidate, subject: Subject) -> None:
    state = _begin(subject)["state"]
    answer = subject.manage("DELETE", f"oauth-session?state={state}")
    assert answer.status_code == (200 if candidate.newer else 404)
    assert _status(subject, state)["status"] == ("error" if candidate.newer else "wait")


def _chat(tour: Tour, name: str, model: str) -> Any:
    body = {"model": model, "messages": [{"role": "user", "content": "ping"}]}
    return tour.ask(name, "POST", "/v1/chat/completions", json=body)


@pytest.fixture(scope="module")
def faulty(candidate: Candidate) -> Tour:
    """A program whose vendor fails on request."""
    return Tour(candidate.begin(**ONLINE))


@pytest.mark.parametrize("code", [400, 429, 500, 401])
def test_a_failing_vendor_causes_the_recorded_errors_and_cooldowns(
    candidate: Candidate, faulty: Tour, code: int
) -> None:
    model, before = MODELS[candidate.contract], _vendor(faulty, code)
    _fresh_account(faulty)
    for which in ("first", "second", "third"):
        _chat(faulty, f"chat.{code}.{which}", model)
    faulty.ask(f"chat.{code}.models", "GET", "/v1/models")
    _vendor(faulty, 200)
    rows = recorded(candidate.contract, "flows")
    assert _vendor(faulty, 200) - before == rows[f"chat.{code}.vendor_calls"]["calls"]
    for name in (f"chat.{code}.{one}" for one in ("first", "second", "third", "models")):
        found = normal(faulty.rows[name], faulty.subject)
        assert list(differences(rows[name]["body"], found["body"])) == []
        assert found["status"] == rows[name]["status"]
        assert found["headers"].get("retry-after") == rows[name]["headers"].get("retry-after")


@pytest.mark.parametrize("code", [400, 429, 500, 401])
def test_an_account_is_listed_with_the_error_of_its_vendor(candidate: Candidate, faulty: Tour, code: int) -> None:
    _fresh_account(faulty)
    _vendor(faulty, code)
    for _ in range(3):
        _chat(faulty, "any", MODELS[candidate.contract])
    (wanted,) = recorded(candidate.contract, "flows")[f"chat.{code}.auth_files"]["body"]["files"]
    (found,) = faulty.subject.listed().values()
    for key in ("status", "status_message", "unavailable", "failed"):
        assert found.get(key) == wanted.get(key)


def _vendor(tour: Tour, status: int) -> int:
    """Set the status of the vendor, and return how often it was called."""
    calls: int = tour.subject.ask("PUT", "/embedded/vendor", json={"status": status}).json()["calls"]
    return calls


def _fresh_account(tour: Tour) -> None:
    path = tour.subject.auth / "codex-user@example.com.json"
    path.unlink(missing_ok=True)
    assert tour.until(lambda: not tour.subject.listed())
    path.write_text(json.dumps(codex_file()))
    assert tour.until(lambda: bool(tour.subject.listed()))


def test_a_chat_response_names_the_account(candidate: Candidate, faulty: Tour) -> None:
    _fresh_account(faulty)
    _vendor(faulty, 200)
    answer = _chat(faulty, "chat", MODELS[candidate.contract]).json()
    assert "through user@example.com" in answer["choices"][0]["message"]["content"]

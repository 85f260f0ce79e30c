"""Foreign token files: mapped key by key, or refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from flowgate.accounts import token_files
from flowgate.errors import UsageError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDS = datetime(2026, 3, 9, 12, tzinfo=UTC)


def jwt(**told: Any) -> str:
    """Write a token that says this."""
    body = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def codex_file(plan: str = "plus", email: str = "me@example.com", **more: Any) -> dict[str, Any]:
    """Write what Codex leaves in its auth.json."""
    about = {"chatgpt_account_id": "acct-1", "chatgpt_plan_type": plan}
    held = {
        "id_token": jwt(email=email, exp=NOW.timestamp() + 3600, **{"https://api.openai.com/auth": about}),
        "access_token": jwt(exp=int(ENDS.timestamp())),
        "refresh_token": "rt-1",
        "account_id": "acct-1",
    }
    return {"OPENAI_API_KEY": None, "tokens": {**held, **more}, "last_refresh": "2026-02-27T08:00:00Z"}


def test_codex_is_mapped_key_by_key() -> None:
    found = codex_file()
    mapped = token_files.codex(found, "6.8.16-0", NOW)
    assert mapped.tree == {
        "type": "codex",
        "access_token": found["tokens"]["access_token"],
        "refresh_token": "rt-1",
        "id_token": found["tokens"]["id_token"],
        "account_id": "acct-1",
        "email": "me@example.com",
        "expired": "2026-03-09T12:00:00Z",
        "last_refresh": "2026-02-27T08:00:00Z",
    }
    assert (mapped.label, mapped.expires) == ("me@example.com", ENDS)


@pytest.mark.parametrize(
    ("plan", "email", "version", "name"),
    [
        ("plus", "me@example.com", "6.8.16-0", "codex-me@example.com-plus.json"),
        ("", "me@example.com", "6.8.16-0-plus", "codex-me@example.com.json"),
        ("team", "me@example.com", "6.8.16-0", "codex-ba36a4ed-me@example.com-team.json"),
        ("plus", "me@example.com", "7.2.101-1", "codex-ba36a4ed-me@example.com-plus.json"),
        ("plus", "", "6.8.16-0", "codex-ba36a4ed.json"),
        ("plus", "../../etc/x@y", "6.8.16-0", "codex-etcx@y-plus.json"),
    ],
)
def test_a_codex_file_is_named_as_a_login_would_name_it(plan: str, email: str, version: str, name: str) -> None:
    assert token_files.codex(codex_file(plan, email), version, NOW).name == name


def test_the_expiry_is_the_access_tokens_not_the_identity_tokens() -> None:
    mapped = token_files.codex(codex_file(), "6.8.16-0", NOW)
    assert mapped.tree["expired"] == token_files.stamp(ENDS)


def test_the_account_is_found_in_the_identity_token_where_it_is_not_written() -> None:
    assert token_files.codex(codex_file(account_id=None), "6.8.16-0", NOW).tree["account_id"] == "acct-1"


def test_borrowed_leaves_the_refresh_token_with_its_owner() -> None:
    assert "refresh_token" not in token_files.borrowed(token_files.codex(codex_file(), "6.8.16-0", NOW)).tree


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({}, "no login"),
        ({"tokens": []}, "no login"),
        ({"tokens": {"access_token": ""}}, "no login"),
        ({"tokens": {"access_token": 7}}, "none of Codex's"),
        ({"tokens": {"access_token": "plain"}}, "none of Codex's"),
        ({"tokens": {"access_token": "a.%%%.c"}}, "none of Codex's"),
        ({"tokens": {"access_token": jwt(exp="soon")}}, "none of Codex's"),
        ({"tokens": {"access_token": jwt(exp=10**30)}}, "none of Codex's"),
        ({"OPENAI_API_KEY": "sk-1"}, "an API key, no login"),
    ],
)
def test_nonsense_is_no_codex_login(found: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        token_files.codex(found, "6.8.16-0", NOW)


def test_claude_code_is_mapped_key_by_key() -> None:
    held = {"accessToken": "sk-ant-oat01-x", "refreshToken": "r", "expiresAt": int(ENDS.timestamp() * 1000)}
    found = {"claudeAiOauth": held, "oauthAccount": {"emailAddress": "me@example.com"}}
    mapped = token_files.claude(found, "6.8.16-0", NOW)
    assert (mapped.name, mapped.expires) == ("claude-me@example.com.json", ENDS)
    assert mapped.tree == {
        "type": "claude",
        "access_token": "sk-ant-oat01-x",
        "refresh_token": "r",
        "email": "me@example.com",
        "expired": "2026-03-09T12:00:00Z",
        "last_refresh": "2026-03-01T12:00:00Z",
    }


@pytest.mark.parametrize("held", [None, {}, {"accessToken": "sk-ant-api03"}, {"accessToken": "sk-ant-oat01-x"}])
def test_nonsense_is_no_claude_login(held: object) -> None:
    with pytest.raises(UsageError):
        token_files.claude({"claudeAiOauth": held}, "6.8.16-0", NOW)


@pytest.mark.parametrize(
    "tree",
    [
        {"expired": "2026-03-09T12:00:00Z"},
        {"expires_at": int(ENDS.timestamp())},
        {"expiresAt": int(ENDS.timestamp() * 1000)},
        {"expired": "2026-03-09 12:00"},
        {"expired": "2026-03-09T14:00:00.123456789+02:00"},
        {"expired": "not yet", "token": {"expiry": "2026-03-09T12:00:00Z"}},
    ],
)
def test_an_expiry_is_found_wherever_the_program_looks_for_it(tree: dict[str, Any]) -> None:
    found = token_files.expiry(tree)
    assert found is not None
    assert found.replace(microsecond=0) == ENDS


@pytest.mark.parametrize(
    "tree", [{}, {"expired": ""}, {"expired": None}, {"expired": True}, {"token": 3}, {"expired": -1}]
)
def test_a_file_without_an_expiry_has_none(tree: dict[str, Any]) -> None:
    assert token_files.expiry(tree) is None

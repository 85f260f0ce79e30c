"""Token files of other programs: converted, or refused."""

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


def jwt(**claims: Any) -> str:
    """Encode a token with these claims."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def codex_file(plan: str = "plus", email: str = "me@example.com", **more: Any) -> dict[str, Any]:
    """Return the content of an auth.json of Codex."""
    about = {"chatgpt_account_id": "acct-1", "chatgpt_plan_type": plan}
    held = {
        "id_token": jwt(email=email, exp=NOW.timestamp() + 3600, **{"https://api.openai.com/auth": about}),
        "access_token": jwt(exp=int(ENDS.timestamp())),
        "refresh_token": "rt-1",
        "account_id": "acct-1",
    }
    return {"OPENAI_API_KEY": None, "tokens": {**held, **more}, "last_refresh": "2026-02-27T08:00:00Z"}


def test_every_key_of_a_codex_login_is_converted() -> None:
    found = codex_file()
    file = token_files.codex(found, "6.8.16-0", NOW)
    assert file.content == {
        "type": "codex",
        "access_token": found["tokens"]["access_token"],
        "refresh_token": "rt-1",
        "id_token": found["tokens"]["id_token"],
        "account_id": "acct-1",
        "email": "me@example.com",
        "expired": "2026-03-09T12:00:00Z",
        "last_refresh": "2026-02-27T08:00:00Z",
    }
    assert (file.label, file.expires) == ("me@example.com", ENDS)


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
def test_a_codex_file_has_the_name_that_a_login_would_give_it(plan: str, email: str, version: str, name: str) -> None:
    assert token_files.codex(codex_file(plan, email), version, NOW).name == name


def test_the_expiry_is_that_of_the_access_token_not_of_the_identity_token() -> None:
    file = token_files.codex(codex_file(), "6.8.16-0", NOW)
    assert file.content["expired"] == token_files.stamp(ENDS)


def test_an_absent_account_id_is_read_from_the_identity_token() -> None:
    assert token_files.codex(codex_file(account_id=None), "6.8.16-0", NOW).content["account_id"] == "acct-1"


def test_an_import_can_leave_out_the_refresh_token() -> None:
    assert (
        "refresh_token"
        not in token_files.without_refresh_token(token_files.codex(codex_file(), "6.8.16-0", NOW)).content
    )


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({}, "contains no login"),
        ({"tokens": []}, "contains no login"),
        ({"tokens": {"access_token": ""}}, "contains no login"),
        ({"tokens": {"access_token": 7}}, "not one of Codex"),
        ({"tokens": {"access_token": "plain"}}, "not one of Codex"),
        ({"tokens": {"access_token": "a.%%%.c"}}, "not one of Codex"),
        ({"tokens": {"access_token": jwt(exp="soon")}}, "not one of Codex"),
        ({"tokens": {"access_token": jwt(exp=10**30)}}, "not one of Codex"),
        ({"OPENAI_API_KEY": "sk-1"}, "an API key, not a login"),
    ],
)
def test_a_file_that_is_not_a_codex_login_is_refused(found: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        token_files.codex(found, "6.8.16-0", NOW)


def test_every_key_of_a_claude_code_login_is_converted() -> None:
    held = {"accessToken": "sk-ant-oat01-x", "refreshToken": "r", "expiresAt": int(ENDS.timestamp() * 1000)}
    found = {"claudeAiOauth": held, "oauthAccount": {"emailAddress": "me@example.com"}}
    file = token_files.claude(found, "6.8.16-0", NOW)
    assert (file.name, file.expires) == ("claude-me@example.com.json", ENDS)
    assert file.content == {
        "type": "claude",
        "access_token": "sk-ant-oat01-x",
        "refresh_token": "r",
        "email": "me@example.com",
        "expired": "2026-03-09T12:00:00Z",
        "last_refresh": "2026-03-01T12:00:00Z",
    }


@pytest.mark.parametrize("held", [None, {}, {"accessToken": "sk-ant-api03"}, {"accessToken": "sk-ant-oat01-x"}])
def test_a_file_that_is_not_a_claude_login_is_refused(held: object) -> None:
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
def test_the_expiry_is_found_under_every_key_that_the_program_reads(tree: dict[str, Any]) -> None:
    found = token_files.expiry(tree)
    assert found is not None
    assert found.replace(microsecond=0) == ENDS


@pytest.mark.parametrize(
    "tree", [{}, {"expired": ""}, {"expired": None}, {"expired": True}, {"token": 3}, {"expired": -1}]
)
def test_a_file_without_an_expiry_has_none(tree: dict[str, Any]) -> None:
    assert token_files.expiry(tree) is None

"""Accounts in cooldown: listed through the management API, and cleared."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.accounts import cooldowns
from flowgate.accounts.actions import Conversation, Response, T
from flowgate.accounts.cooldowns import AccountCooldown
from flowgate.accounts.login_driver import LoginDriver, management_key
from flowgate.errors import EnvironmentFailure

if TYPE_CHECKING:
    from tests.unit.accounts.conftest import LoginStage


def run(login_stage: LoginStage, conversation: Conversation[T]) -> T:
    context = login_stage.context()
    return LoginDriver(context, management_key(context)).run(conversation)


def list_cooldowns(login_stage: LoginStage) -> list[AccountCooldown]:
    return run(login_stage, cooldowns.list_cooldowns("", datetime.now(UTC)))


def model(login_stage: LoginStage) -> str:
    """Return a model that an account serves; the two lines list different ones."""
    return str(login_stage.subject.ask("GET", "/v1/models").json()["data"][0]["id"])


def chat(login_stage: LoginStage) -> int:
    body = {"model": model(login_stage), "messages": [{"role": "user", "content": "hello"}]}
    return int(login_stage.subject.ask("POST", "/v1/chat/completions", json=body).status_code)


def fail(login_stage: LoginStage, status: int) -> None:
    """Let the vendor fail until the account is in cooldown."""
    login_stage.log_in()
    login_stage.subject.ask("PUT", "/embedded/vendor", json={"status": status})
    for _ in range(3):
        chat(login_stage)
    login_stage.subject.ask("PUT", "/embedded/vendor", json={"status": 200})


def test_there_are_no_cooldowns_without_failures(login_stage: LoginStage) -> None:
    login_stage.log_in()
    assert (chat(login_stage), list_cooldowns(login_stage)) == (200, [])


def test_a_cooldown_is_listed_with_account_reason_and_end(login_stage: LoginStage, newer: bool) -> None:
    fail(login_stage, 500)
    (one,) = list_cooldowns(login_stage)
    assert (one.provider, one.label, one.why) == ("codex", "me@example.com", "vendor says 500")
    assert model(login_stage) in one.models
    assert one.clearable is newer
    left = one.until - datetime.now(UTC) if one.until else None
    assert (left is not None and timedelta(seconds=40) < left <= timedelta(seconds=60)) is newer


def test_a_cooldown_ends_on_request_if_the_program_supports_it(login_stage: LoginStage, newer: bool) -> None:
    fail(login_stage, 500)
    (one,) = list_cooldowns(login_stage)
    assert chat(login_stage) >= 500
    if newer:
        run(login_stage, cooldowns.clear(one))
        assert (list_cooldowns(login_stage), chat(login_stage)) == ([], 200)
    else:
        with pytest.raises(EnvironmentFailure, match="no request that ends a cooldown"):
            run(login_stage, cooldowns.clear(one))


def listed(**more: Any) -> list[AccountCooldown]:
    """List the cooldowns of one account that line 7.2 reports."""
    entry = {"name": "a.json", "unavailable": True, "provider": "codex", **more}
    conversation = cooldowns.list_cooldowns("7.2.101-1", datetime(2026, 1, 1, 12, tzinfo=UTC))
    next(conversation)
    try:
        conversation.send(response({"files": [entry]}))
        conversation.send(response({"models": [{"id": "m"}]}))
    except StopIteration as end:
        found: list[AccountCooldown] = end.value
        return found
    raise AssertionError("the conversation did not end")


def response(body: Any) -> Response:
    return Response(200, {"x-cpa-version": "7.2.101-1"}, body, json.dumps(body))


def test_an_account_whose_cooldown_is_over_or_that_is_disabled_is_not_listed() -> None:
    assert listed(next_retry_after="2026-01-01T11:59:59.123456789Z") == []
    assert listed(disabled=True) == []
    (one,) = listed(next_retry_after="2026-01-01T13:00:30.5+01:00")
    assert one.until == datetime(2026, 1, 1, 12, 0, 30, 500_000, tzinfo=UTC)


@pytest.mark.parametrize("message", ["quota exhausted", '{"error": "quota exhausted"}', '"quota  exhausted"'])
def test_the_reason_is_the_vendors_sentence_even_in_json(message: str) -> None:
    (one,) = listed(status_message=message, next_retry_after="soon")
    assert (one.why.strip('"'), one.until) == ("quota exhausted", None)

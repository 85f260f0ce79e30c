"""Accounts that are benched: seen through management, and let play again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.accounts import cooldowns
from flowgate.accounts.actions import Heard
from flowgate.accounts.cooldowns import AccountCooldown
from flowgate.accounts.login_driver import LoginDriver
from flowgate.accounts.providers import KNOWN
from flowgate.errors import EnvironmentFailure
from flowgate.steps.login import management_key

if TYPE_CHECKING:
    from tests.unit.accounts.conftest import Desk


def perform(desk: Desk, talk: Any) -> Any:
    context = desk.context()
    return LoginDriver(context, management_key(context, KNOWN["codex"])).run(talk)


def look(desk: Desk) -> list[AccountCooldown]:
    found: list[AccountCooldown] = perform(desk, cooldowns.list_cooldowns("", datetime.now(UTC)))
    return found


def model(desk: Desk) -> str:
    """Name a model that is asked through an account: which, differs between the generations."""
    return str(desk.subject.ask("GET", "/v1/models").json()["data"][0]["id"])


def ask(desk: Desk) -> int:
    body = {"model": model(desk), "messages": [{"role": "user", "content": "hello"}]}
    return int(desk.subject.ask("POST", "/v1/chat/completions", json=body).status_code)


def fail(desk: Desk, status: int) -> None:
    """Let the vendor fail until the account is benched."""
    desk.log_in()
    desk.subject.ask("PUT", "/embedded/vendor", json={"status": status})
    for _ in range(3):
        ask(desk)
    desk.subject.ask("PUT", "/embedded/vendor", json={"status": 200})


def test_nobody_is_benched_while_nothing_fails(desk: Desk) -> None:
    desk.log_in()
    assert (ask(desk), look(desk)) == (200, [])


def test_a_benched_account_is_told_with_what_is_known_of_it(desk: Desk, newer: bool) -> None:
    fail(desk, 500)
    (one,) = look(desk)
    assert (one.provider, one.label, one.why) == ("codex", "me@example.com", "vendor says 500")
    assert model(desk) in one.models
    assert one.clearable is newer
    left = one.until - datetime.now(UTC) if one.until else None
    assert (left is not None and timedelta(seconds=40) < left <= timedelta(seconds=60)) is newer


def test_an_account_is_let_play_again_where_the_program_can(desk: Desk, newer: bool) -> None:
    fail(desk, 500)
    (one,) = look(desk)
    assert ask(desk) >= 500
    if newer:
        perform(desk, cooldowns.clear(one))
        assert (look(desk), ask(desk)) == ([], 200)
    else:
        with pytest.raises(EnvironmentFailure, match="no call"):
            perform(desk, cooldowns.clear(one))


def listing(**more: Any) -> list[AccountCooldown]:
    """Tell of one account as a list of 7.2 does."""
    entry = {"name": "a.json", "unavailable": True, "provider": "codex", **more}
    talk = cooldowns.list_cooldowns("7.2.101-1", datetime(2026, 1, 1, 12, tzinfo=UTC))
    next(talk)
    try:
        talk.send(heard({"files": [entry]}))
        talk.send(heard({"models": [{"id": "m"}]}))
    except StopIteration as end:
        found: list[AccountCooldown] = end.value
        return found
    raise AssertionError("it asked for more")


def heard(tree: Any) -> Heard:
    return Heard(200, {"x-cpa-version": "7.2.101-1"}, tree, json.dumps(tree))


def test_one_whose_time_is_over_or_who_is_disabled_is_not_benched() -> None:
    assert listing(next_retry_after="2026-01-01T11:59:59.123456789Z") == []
    assert listing(disabled=True) == []
    (one,) = listing(next_retry_after="2026-01-01T13:00:30.5+01:00")
    assert one.until == datetime(2026, 1, 1, 12, 0, 30, 500_000, tzinfo=UTC)


@pytest.mark.parametrize("message", ["quota exhausted", '{"error": "quota exhausted"}', '"quota  exhausted"'])
def test_the_reason_is_a_sentence_however_it_is_wrapped(message: str) -> None:
    (one,) = listing(status_message=message, next_retry_after="soon")
    assert (one.why.strip('"'), one.until) == ("quota exhausted", None)

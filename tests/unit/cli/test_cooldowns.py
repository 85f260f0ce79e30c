"""What `cooldowns` and `explain` report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

import pytest

from flowgate.accounts.cooldowns import AccountCooldown
from flowgate.cli import cooldown_rows, cooldowns, show_cooldowns
from flowgate.cli.cooldowns import Cooldowns, Row
from flowgate.errors import NotReady

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from tests.conftest import Workspace
    from tests.unit.steps.conftest import FakeSupervisor


class Seen(TypedDict):
    """What is the same in every cooldown here."""

    models: list[str]
    deployment: str
    address: str


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BY_LITELLM: Seen = {"models": ["router-default"], "deployment": "openai/gpt-5", "address": "http://127.0.0.1:8317/v1"}


def row(seconds: float = 42.0) -> Row:
    since = NOON.timestamp()
    return cooldown_rows.litellm_row({**BY_LITELLM, "why": "500", "since": since, "until": since + seconds}, NOON)


def account(until: datetime | None = None) -> Row:
    found = AccountCooldown("a.json", "1", "codex", "me@example.com", "quota", NOON, until, ("gpt-5",), True)
    return cooldown_rows.account_row(found, {"router-default": {"gpt-5"}, "other": {"o"}}, NOON)


def test_a_cooldown_is_described_with_its_reason_and_its_end() -> None:
    assert cooldowns.describe_cooldown(row()) == (
        "router-default (openai/gpt-5 at http://127.0.0.1:8317/v1) is in cooldown, applied by litellm after 500: "
        "42 s left, until 2026-01-01T12:00:42Z"
    )


def test_an_end_that_is_not_reported_is_not_invented() -> None:
    assert cooldowns.describe_cooldown(account()).endswith("after quota: its end is not reported")
    assert (account()["seconds_left"], account()["until"]) == (None, "")


def test_a_past_end_leaves_no_time() -> None:
    assert row(-3)["seconds_left"] == 0


def test_an_account_is_listed_with_the_models_that_use_it() -> None:
    assert account()["models"] == ["router-default"]


def test_the_command_fails_if_neither_program_runs(place: Workspace) -> None:
    with pytest.raises(NotReady, match=r"litellm is not running; .*cliproxyapi_plus is not running"):
        show_cooldowns.show("", "", False)


def test_an_unavailable_program_is_named(session: Session, supervisor: FakeSupervisor) -> None:
    supervisor.query_rows["litellm"] = [{**BY_LITELLM, "why": "429", "since": 0.0, "until": 5.0}]
    found = cooldowns.gather(session)
    assert [(one["by"], one["why"], one["seconds_left"]) for one in found.rows] == [("litellm", "429", 0.0)]
    assert found.unavailable.keys() == {"cliproxyapi_plus"}


@pytest.mark.parametrize("name", ["router-default", "openai/gpt-5", "gpt-5"])
def test_a_cooldown_can_be_named_by_its_model_or_deployment(name: str) -> None:
    assert name in show_cooldowns._names(row(), Cooldowns())

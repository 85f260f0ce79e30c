"""What `cooldowns` and `explain` say of who is benched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.cli import cooldowns
from flowgate.cli.cooldowns import Found
from flowgate.errors import NotReady

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from tests.conftest import Workspace
    from tests.unit.steps.conftest import FakeSupervisor

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BY_LITELLM = {"models": ["router-default"], "deployment": "openai/gpt-5", "address": "http://127.0.0.1:8317/v1"}


def row(seconds: float | None = 42.0, **more: Any) -> dict[str, Any]:
    until = None if seconds is None else datetime.fromtimestamp(NOON.timestamp() + seconds, UTC)
    return cooldowns._timed({"by": "litellm", **BY_LITELLM, "why": "500", **more}, NOON, until, NOON)


def test_a_sentence_names_who_why_and_how_long() -> None:
    assert cooldowns.describe_cooldown(row()) == (
        "router-default (openai/gpt-5 at http://127.0.0.1:8317/v1) is benched by litellm after 500: 42 s left, "
        "until 2026-01-01T12:00:42Z"
    )


def test_an_end_that_is_not_said_is_not_made_up() -> None:
    assert cooldowns.describe_cooldown(row(None)).endswith("after 500: until when is not said")
    assert (row(None)["seconds_left"], row(None)["until"]) == (None, "")
    assert row(-3)["seconds_left"] == 0


def test_with_nothing_running_there_is_nobody_to_ask(place: Workspace) -> None:
    with pytest.raises(NotReady, match=r"litellm is not running; .*cliproxyapi_plus is not running"):
        cooldowns.show("", "", False)


def test_one_program_that_cannot_be_asked_is_named(session: Session, supervisor: FakeSupervisor) -> None:
    supervisor.inside["litellm"] = [{**BY_LITELLM, "why": "429", "since": 0.0, "until": 5.0}]
    found = cooldowns.gather(session)
    assert [(one["by"], one["why"], one["seconds_left"]) for one in found.rows] == [("litellm", "429", 0.0)]
    assert found.unavailable.keys() == {"cliproxyapi_plus"}


@pytest.mark.parametrize("name", ["router-default", "openai/gpt-5", "gpt-5"])
def test_what_is_benched_has_every_name_somebody_may_use(name: str) -> None:
    assert name in cooldowns._names(row(), Found([], {}, {}))

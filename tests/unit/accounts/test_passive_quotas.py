"""Limits in the list of accounts, as CLIProxyAPI from 7.2.142 on has them: a fixture, not run against the program."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flowgate.accounts.actions import Response
from flowgate.accounts.management_api import parse_files
from tests.unit.gateway.test_usage_queue import CLAUDE, CODEX

AT = "2026-09-27T14:50:52+02:00"
SECONDS = datetime(2026, 9, 27, 12, 50, 52, tzinfo=UTC).timestamp()


def quotas(**more: Any) -> list[tuple[str, str, float, float | None]]:
    row = {"name": "a.json", "provider": "claude", "email": "me@example.com", "account": "me@example.com", **more}
    [file] = parse_files(Response(200, {"x-cpa-version": "7.2.150"}, {"files": [row]}, "")).values()
    assert {one.account for one in file.quotas} <= {"me@example.com"}
    return [(one.window, one.model, one.used, one.resets_at) for one in file.quotas]


def test_a_subscription_of_claude_tells_its_windows() -> None:
    found = quotas(model_quotas={"claude-opus-5": {"observed_at": AT, "signals": CLAUDE}})
    assert found == [("5h", "", 25, 1_790_003_600), ("7d", "", 100, 1_790_400_000)]


def test_codex_tells_when_a_window_ends_after_the_observation() -> None:
    assert quotas(quota={"observed_at": AT, "signals": CODEX})[0] == ("5h", "", 82, SECONDS + 1200)


LIES: tuple[Any, ...] = (None, 3, "x", [], {"signals": CODEX}, {"observed_at": AT})


@pytest.mark.parametrize(
    "more",
    [
        {},
        *({"quota": lie, "model_quotas": lie} for lie in LIES),
        {"quota": {"observed_at": "bad-time", "signals": CODEX}},
        {"quota": {"observed_at": AT, "signals": {"X-Codex-Primary-Used-Percent": 7, "X-Codex-Allowed": True}}},
        {"model_quotas": {"m": 4}},
    ],
)
def test_what_is_missing_or_of_another_type_tells_nothing(more: dict[str, Any]) -> None:
    assert quotas(**more) == []

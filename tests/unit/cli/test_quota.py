"""`quota`, `status` and `cooldowns`: what they say about limits of accounts."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.accounts.cooldowns import AccountCooldown
from flowgate.cli import account_usage, budgets, known_limits, quota, stale_cooldowns
from flowgate.cli.account_usage import SourceReport
from flowgate.cli.known_limits import newest
from flowgate.cli.quota import QuotaReport
from flowgate.domain.ledger import FILE_NAME
from flowgate.errors import UsageError
from flowgate.ledger import accounts, database
from flowgate.ledger.account_entries import LIMIT, Collected, QuotaReading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Workspace

NOW = datetime.now(UTC)
SECONDS = NOW.timestamp()
COLLECTING = SourceReport(state="collecting", problem="", records=3, unreadable=0)


def reading(used: float, resets_in: float | None = 4 * 3600, window: str = "5h", at: float = 0.0) -> QuotaReading:
    resets_at = None if resets_in is None else SECONDS + resets_in
    model = "gpt" if window == LIMIT else ""
    return QuotaReading("me@example.com", "codex", model, window, SECONDS - 60 + at, used, resets_at)


def keep(place: Workspace, *readings: QuotaReading) -> Path:
    """Write limits into the workspace's ledger."""
    path = place.runtime / FILE_NAME
    with closing(database.open_to_write(path)) as connection:
        accounts.write(connection, Collected((), readings), 80)
    return path


def test_the_newest_reading_of_a_limit_counts() -> None:
    assert [one.used for one in newest([reading(20, at=5), reading(10), reading(7, window="7d")])] == [20, 7]


@pytest.mark.parametrize("typed", ["0", "101", "x", "8.5", "-1", "٨٠"])
def test_a_percentage_has_to_be_one(typed: str) -> None:
    with pytest.raises(UsageError, match="from 1 to 100"):
        budgets.read_percent(typed, "quota")


def shown(place: Workspace, capsys: pytest.CaptureFixture[str], warn_at: str = "") -> tuple[int, str]:
    code = quota.show("", warn_at, as_json=False)
    return code, capsys.readouterr().out


def test_limits_are_shown_while_nothing_runs(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    keep(place, reading(85), reading(100, -5, "7d"), reading(100, None, LIMIT, at=-7200))
    code, out = shown(place, capsys)
    assert (code, "85 %" in out, "15 %" in out, out.count("codex")) == (0, True, True, 2)
    assert next(line.split()[4:8] for line in out.splitlines() if "7d" in line) == ["0", "%", "100", "%"]


def test_a_limit_that_was_reset_is_not_near(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    keep(place, reading(100, -5))
    assert shown(place, capsys, "1")[0] == 0
    keep(place, reading(80, at=30))
    assert [shown(place, capsys, at)[0] for at in ("80", "81")] == [1, 0]


def test_limits_that_are_near_are_named(place: Workspace) -> None:
    from flowgate.cli.session import open_session

    keep(place, reading(79, window="7d"), reading(100, window=LIMIT), reading(92))
    lines = known_limits.near(open_session(""))
    assert [line.partition(", until")[0] for line in lines] == [
        "codex me@example.com: 92 % of the 5h limit is used",
        "codex me@example.com: the vendor refuses requests to gpt because of a limit",
    ]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("absent", "7.2 and newer do"),
        ("stopped", "inv service.restart"),
        ("failing", "not recorded now: why"),
        ("off", "not recorded now: why"),
    ],
)
def test_how_the_collection_goes_is_said(state: str, said: str) -> None:
    assert said in account_usage.remark({**COLLECTING, "state": state, "problem": "why"})
    assert "3 requests" in account_usage.remark(COLLECTING)


def reset(limits: Sequence[QuotaReading], since: float | None = -120) -> bool:
    began = None if since is None else NOW + timedelta(seconds=since)
    until = NOW + timedelta(hours=5)
    account = AccountCooldown("a", "1", "codex", "me", "quota", began, until, ("gpt",), True, "me@example.com")
    return stale_cooldowns.reset_before(account, limits, NOW) is not None


@pytest.mark.parametrize(
    ("limits", "is_stale"),
    [
        ([], False),
        ([reading(100, -30)], True),
        ([reading(100, -30, LIMIT)], True),
        ([reading(90, -30)], False),  # it was not reached
        ([reading(100, 30)], False),
        ([reading(100, -30), reading(100, 900, "7d")], False),  # another limit is still reached
        ([reading(100, None, LIMIT), reading(100, -30)], False),  # nobody knows when that ends
    ],
)
def test_a_cooldown_is_stale_once_every_limit_that_was_reached_was_reset(
    limits: Sequence[QuotaReading], is_stale: bool
) -> None:
    assert reset(limits) is is_stale


def test_a_cooldown_that_began_after_the_reset_is_not_stale() -> None:
    assert (reset([reading(100, -30)], since=-10), reset([reading(100, -30)], since=None)) == (False, True)


def test_the_report_has_every_account(place: Workspace) -> None:
    from flowgate.cli.session import open_session

    keep(place, reading(85))
    report: QuotaReport = quota.collect(open_session(""))
    assert [(one["limit"], one["left_percent"]) for one in report["quotas"]] == [("5h", 15)]
    assert (report["usage_source"]["state"], report["accounts_unknown"] != "") == ("stopped", True)


def test_limits_in_force_are_described_and_ended_ones_are_not(place: Workspace) -> None:
    from flowgate.cli.session import open_session

    keep(place, reading(20), reading(100, -5, "7d"))
    lines = known_limits.in_force(open_session(""))
    assert [line.partition(", until")[0] for line in lines] == ["codex me@example.com: 20 % of the 5h limit is used"]

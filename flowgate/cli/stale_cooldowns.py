"""Cooldowns of accounts that outlive the limit that they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from shlex import quote
from typing import TYPE_CHECKING

from flowgate.cli import console
from flowgate.ledger.account_entries import EXHAUSTED, QuotaReading

if TYPE_CHECKING:
    from flowgate.accounts.cooldowns import AccountCooldown
    from flowgate.cli.cooldown_rows import Row


def reset_before(account: AccountCooldown, limits: Iterable[QuotaReading], now: datetime) -> datetime | None:
    """Return when the quota was reset that a cooldown is about.

    Args:
        account: The account in cooldown.
        limits: What is known about limits.
        now: The time of day.

    Returns:
        The time; None if it was not reset, if that is not known, or if the cooldown began afterwards.
    """
    at, own = now.timestamp(), (account.provider, account.account)
    reached = [one for one in limits if (one.provider, one.account) == own and one.used >= EXHAUSTED]
    reached = [one for one in reached if one.resets_at is not None or not one.is_over(at)]
    if not reached or any(one.resets_at is None or one.resets_at > at for one in reached):
        return None
    last = max(one.resets_at for one in reached if one.resets_at is not None)
    if account.since is not None and account.since.timestamp() > last:
        return None
    return datetime.fromtimestamp(last, UTC)


def print_stale(rows: Iterable[Row], labels: Mapping[str, str]) -> None:
    """Print which cooldowns outlive their limit, and the command that ends each.

    Args:
        rows: The cooldowns.
        labels: File of an account to its label.
    """
    for row in rows:
        if row["quota_reset_at"]:
            console.note(f"stale: the quota was reset at {row['quota_reset_at']} ({row['deployment']})")
            console.note(f"  fix: inv cooldowns --clear {quote(labels.get(row['address'], row['address']))}")

"""Cooldowns as rows: for `--json`, for the table, and as a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from flowgate.gateway import cliproxy, litellm

if TYPE_CHECKING:
    from flowgate.accounts.cooldowns import AccountCooldown


class LiteLLMCooldown(TypedDict):
    """One cooldown, as the worker of LiteLLM reports it; the times are seconds since 1970."""

    deployment: str
    models: list[str]
    address: str
    why: str
    since: float
    until: float


class Row(TypedDict):
    """One cooldown, as `--json` prints it; docs/json.md documents the keys."""

    by: str
    models: list[str]
    deployment: str
    address: str
    why: str
    since: str
    until: str
    seconds_left: float | None
    quota_reset_at: str


def longest(rows: Iterable[LiteLLMCooldown]) -> list[LiteLLMCooldown]:
    """Return one row for each deployment: the cooldown that ends last, of those that several workers report.

    Args:
        rows: The rows of all workers.
    """
    found: dict[tuple[str, str, tuple[str, ...]], LiteLLMCooldown] = {}
    for row in rows:
        key = (row["deployment"], row["address"], tuple(row["models"]))
        if key not in found or row["until"] > found[key]["until"]:
            found[key] = row
    return list(found.values())


def litellm_row(row: LiteLLMCooldown, now: datetime) -> Row:
    """Return the row of a deployment of LiteLLM."""
    since, until = datetime.fromtimestamp(row["since"], UTC), datetime.fromtimestamp(row["until"], UTC)
    return _row(litellm.NAME, row["models"], (row["deployment"], row["address"], row["why"]), (since, until, now))


def account_row(
    account: AccountCooldown, models: Mapping[str, set[str]], now: datetime, reset: datetime | None = None
) -> Row:
    """Return the row of an account; its models are those of the profile that it serves.

    Args:
        account: The account.
        models: For each model that clients use, its names at CLIProxyAPIPlus.
        now: The time of day.
        reset: When the quota was reset that the cooldown is about; None if it was not, or that is not known.
    """
    served = sorted(name for name, ids in models.items() if ids & set(account.models))
    texts = (f"{account.provider} {account.label}", account.file, account.why)
    row = _row(cliproxy.NAME, served, texts, (account.since, account.until, now))
    return {**row, "quota_reset_at": _stamp(reset)}


def _row(
    by: str, models: list[str], texts: tuple[str, str, str], times: tuple[datetime | None, datetime | None, datetime]
) -> Row:
    (deployment, address, why), (since, until, now) = texts, times
    return {
        "by": by,
        "models": models,
        "deployment": deployment,
        "address": address,
        "why": why,
        "since": _stamp(since),
        "until": _stamp(until),
        "seconds_left": None if until is None else round(max(0.0, (until - now).total_seconds()), 1),
        "quota_reset_at": "",
    }


def _stamp(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else ""


def cells(row: Row) -> list[str]:
    """Return the cells of a table row."""
    models = ", ".join(row["models"]) or "-"
    return [row["by"], models, row["deployment"], row["address"] or "-", row["why"] or "-", row["since"], _left(row)]


def _left(row: Row) -> str:
    return "not reported" if row["seconds_left"] is None else f"{row['seconds_left']:.0f} s"


def describe_cooldown(row: Row) -> str:
    """Describe a cooldown in one line."""
    at = f" at {row['address']}" if row["address"] else ""
    end = f"{_left(row)} left, until {row['until']}" if row["until"] else "its end is not reported"
    models = ", ".join(row["models"]) or "-"
    reason = row["why"] or "an error"
    return f"{models} ({row['deployment']}{at}) is in cooldown, applied by {row['by']} after {reason}: {end}"

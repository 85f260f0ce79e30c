"""Limits of accounts, as the headers of vendors' responses tell them; nobody is asked for them.

Source: headers of ChatGPT's Codex (`x-codex-…`) and of Anthropic's subscriptions (`anthropic-ratelimit-unified-…`), as
CLIProxyAPIPlus 7.2 hands them out with its usage records, and as newer lines show them in their list of accounts.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from flowgate.ledger.account_entries import EXHAUSTED, LIMIT, QuotaReading

CODEX = ("primary", "secondary")
UNIFIED = re.compile(r"anthropic-ratelimit-unified-(\d+[hd](?:[-_][a-z0-9_-]+)?)-utilization")
UNIFIED_STATUS, UNIFIED_RESET = "anthropic-ratelimit-unified-status", "anthropic-ratelimit-unified-reset"
RESET_AT = ("resets_at", "reset_at")
RESET_IN = ("resets_in_seconds", "reset_seconds", "retry_after")
LATEST = 4e9  # no reset is after the year 2096
FARTHEST_SECONDS = 400 * 86_400.0
MOST_PERCENT = 1000.0
MINUTES_PER_HOUR, MINUTES_PER_DAY = 60, 1440


def readings(
    signals: Mapping[str, str], about: tuple[str, str, str], at: float, *, refused: bool = False, body: str = ""
) -> Iterator[QuotaReading]:
    """Yield what a response says about the limits of an account.

    Args:
        signals: Its headers.
        about: Account, provider and model.
        at: When it came, in seconds since 1970.
        refused: Whether it refused the request because of a limit (status 429).
        body: Its body, if it is an error: it may say when the limit ends.
    """
    account, provider, model = about
    headers = {name.lower(): value for name, value in signals.items()}
    for window, used, resets_at in (*_codex(headers, at), *_unified(headers)):
        yield QuotaReading(account, provider, "", window, at, used, resets_at)
    if refused or headers.get(UNIFIED_STATUS) == "rejected":
        resets_at = _retry_after(headers, at) or _in_body(body, at) or _moment(headers.get(UNIFIED_RESET))
        yield QuotaReading(account, provider, model, LIMIT, at, EXHAUSTED, resets_at)


def observed(row: Mapping[str, object], account: str, provider: str) -> Iterator[QuotaReading]:
    """Yield what an entry of the list of accounts says about limits; older lines say nothing.

    Args:
        row: The entry of `/v0/management/auth-files`.
        account: Name of the account.
        provider: Its provider.

    Source: CLIProxyAPI from 7.2.142 on, not run: `quota` (of the account) and `model_quotas` (by model), each with
        `observed_at` and `signals`, which are headers of the vendor's last response.
    """
    by_model = row.get("model_quotas")
    entries = [("", row.get("quota")), *(by_model.items() if isinstance(by_model, dict) else ())]
    for model, entry in entries:
        signals = entry.get("signals") if isinstance(entry, dict) else None
        at = _stamp(entry.get("observed_at")) if isinstance(entry, dict) else None
        if isinstance(signals, dict) and at is not None:
            headers = {str(name): value for name, value in signals.items() if isinstance(value, str)}
            yield from readings(headers, (account, provider, str(model)), at)


def _stamp(value: object) -> float | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.timestamp() if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _codex(headers: Mapping[str, str], at: float) -> Iterator[tuple[str, float, float | None]]:
    for kind in CODEX:
        used = _percent(headers.get(f"x-codex-{kind}-used-percent"))
        if used is None:
            continue
        minutes = _number(headers.get(f"x-codex-{kind}-window-minutes"))
        left = _number(headers.get(f"x-codex-{kind}-reset-after-seconds"))
        resets_at = _moment(headers.get(f"x-codex-{kind}-reset-at"))
        yield _window(minutes) or kind, used, resets_at or _after(left, at)


def _unified(headers: Mapping[str, str]) -> Iterator[tuple[str, float, float | None]]:
    for name, value in headers.items():
        found = UNIFIED.fullmatch(name)
        share = _number(value) if found else None
        if found is None or share is None or not 0 <= share * EXHAUSTED <= MOST_PERCENT:
            continue
        window = found[1]
        resets_at = _moment(headers.get(f"anthropic-ratelimit-unified-{window}-reset"))
        is_rejected = headers.get(f"anthropic-ratelimit-unified-{window}-status") == "rejected"
        yield window, max(share * EXHAUSTED, EXHAUSTED if is_rejected else 0.0), resets_at


def _window(minutes: float | None) -> str:
    """Return the name of a window of that length; empty if it is not known."""
    if minutes is None or not 1 <= minutes <= FARTHEST_SECONDS:
        return ""
    for size, letter in ((MINUTES_PER_DAY, "d"), (MINUTES_PER_HOUR, "h")):
        if minutes % size == 0:
            return f"{minutes / size:.0f}{letter}"
    return f"{minutes:.0f}min"


def _retry_after(headers: Mapping[str, str], at: float) -> float | None:
    value = headers.get("retry-after", "")
    seconds = _number(value)
    if seconds is not None:
        return _after(seconds, at)
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, OverflowError):
        return None


def _in_body(body: str, at: float) -> float | None:
    """Return the end of a limit that an error tells, as ChatGPT's do."""
    try:
        tree = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None
    error = tree.get("error") if isinstance(tree, dict) else None
    if not isinstance(error, dict):
        return None
    named = next((found for name in RESET_AT if (found := _moment(error.get(name)))), None)
    return named or next((found for name in RESET_IN if (found := _after(_number(error.get(name)), at))), None)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _percent(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= MOST_PERCENT else None


def _moment(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 < number < LATEST else None


def _after(seconds: float | None, at: float) -> float | None:
    return at + seconds if seconds is not None and 0 <= seconds <= FARTHEST_SECONDS else None

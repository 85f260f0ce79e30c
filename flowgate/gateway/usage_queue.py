"""Understand the records that CLIProxyAPIPlus hands out about its accounts, and leave out what is private in them.

A record also has the client's key and address, the body of an error (which may quote a prompt) and the response's
headers. Of these, only the limits of the account and when they end are taken.

Source: 7.2.101-1 and 7.2.137-9, internal/redisqueue/plugin.go. `source` is the account's e-mail address or user name,
and of an account with a key that key itself; `fail.status_code` is 200 for an answered request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime

from flowgate.domain.secret_names import hide_obvious
from flowgate.gateway import quota_signals
from flowgate.ledger.account_entries import AccountRequest, Collected, QuotaReading

LONGEST_TEXT = 200
LONGEST_BODY = 20_000  # of an error, in which the end of a limit is looked for
LARGEST_NUMBER = 2**53
LONGEST_SECONDS = 86_400.0
OLDEST_SECONDS = 7_200.0  # a record is kept for an hour at most
INDEX_SHOWN = 8
OAUTH, KEY_KINDS = "oauth", ("apikey", "api_key")
SECRET_FORM = re.compile(r"(?=\S*\d)[^\s@]{24,}")  # an address has an @, a user name is shorter
REFUSED = 429
ANSWERED, NO_STATUS = 200, 500
TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")


class UnknownAnswer(ValueError):
    """The answer is no list of records."""


def parse(answer: bytes, now: float) -> Collected:
    """Return what an answer of the queue contains.

    Args:
        answer: The body of the answer.
        now: Seconds since 1970.

    Raises:
        UnknownAnswer: It is no list of records.
    """
    try:
        rows = json.loads(answer)
    except (ValueError, RecursionError):
        raise UnknownAnswer("the answer is not JSON") from None
    if not isinstance(rows, list):
        raise UnknownAnswer("the answer is not a list")
    requests, readings, unreadable = [], list[QuotaReading](), 0
    for row in rows:
        request = _request(row, now) if isinstance(row, dict) else None
        if request is None:
            unreadable += 1
            continue
        requests.append(request)
        readings += _readings(row, request)
    return Collected(tuple(requests), tuple(readings), unreadable)


def _request(row: dict[str, object], now: float) -> AccountRequest | None:
    failed = row.get("failed")
    if not isinstance(failed, bool) or not isinstance(row.get("model"), str):
        return None
    tokens = row.get("tokens")
    counts = [_count(tokens.get(name)) if isinstance(tokens, dict) else None for name in TOKENS]
    if failed or not any(counts):
        counts = [None] * len(TOKENS)
    first = _seconds(row.get("ttft_ms"))
    return AccountRequest(
        _moment(row.get("timestamp"), now),
        _account(row),
        _text(row.get("provider")),
        _text(row.get("model")),
        _status(row.get("fail")) if failed else ANSWERED,
        failed,
        _seconds(row.get("latency_ms")) or 0.0,
        first or None,
        *counts,
    )


def _readings(row: dict[str, object], request: AccountRequest) -> Iterator[QuotaReading]:
    fail, at = row.get("fail"), request.at + request.seconds
    body = fail.get("body") if isinstance(fail, dict) else ""
    about = (request.account, request.provider, request.model)
    is_refused = request.failed and request.status == REFUSED
    error = body[:LONGEST_BODY] if isinstance(body, str) else ""
    return quota_signals.readings(_headers(row.get("response_headers")), about, at, refused=is_refused, body=error)


def _headers(found: object) -> dict[str, str]:
    """Return the first value of each header."""
    headers = {}
    for name, values in found.items() if isinstance(found, dict) else ():
        first = values[0] if isinstance(values, list) and values else values
        if isinstance(first, str):
            headers[str(name)] = first
    return headers


def _account(row: dict[str, object]) -> str:
    source, index, kind = _text(row.get("source")), _text(row.get("auth_index")), row.get("auth_type")
    if source and (kind == OAUTH or "@" in source) and kind not in KEY_KINDS and not is_secret(source):
        return source
    return f"{'key' if kind in KEY_KINDS else 'account'} {index[:INDEX_SHOWN] or '(no index)'}"


def is_secret(name: str) -> bool:
    """Return whether a name has the form of a secret.

    Args:
        name: The name.
    """
    return hide_obvious(name) != name or bool(SECRET_FORM.fullmatch(name))


def _text(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(one for one in text if one.isprintable()).strip()[:LONGEST_TEXT]


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST_NUMBER
    return value if is_count and isinstance(value, int) else None


def _seconds(milliseconds: object) -> float | None:
    count = _count(milliseconds)
    return None if count is None else min(count / 1000, LONGEST_SECONDS)


def _status(fail: object) -> int:
    status = fail.get("status_code") if isinstance(fail, dict) else None
    return status if isinstance(status, int) and 100 <= status <= 599 else NO_STATUS


def _moment(value: object, now: float) -> float:
    """Return the time of a record; the present one if it names none that it can be from."""
    try:
        at = datetime.fromisoformat(value).timestamp() if isinstance(value, str) else now
    except (ValueError, OverflowError):
        return now
    return at if now - OLDEST_SECONDS <= at <= now + 60 else now

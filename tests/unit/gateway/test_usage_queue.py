"""Records of CLIProxyAPIPlus' usage queue: what is taken from them, and what is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from flowgate.gateway import quota_signals, upstream_overrides, usage_queue, usage_source
from flowgate.gateway.upstream_settings import OwnSettings
from flowgate.ledger.account_entries import LIMIT, AccountRequest, QuotaReading

NOW = 1_790_000_000.0
TOKENS = {"input_tokens": 10, "output_tokens": 5, "reasoning_tokens": 1, "cached_tokens": 2, "total_tokens": 15}
ABOUT = ("alice@example.com", "codex", "gpt-5.4")
CODEX = {
    "X-Codex-Primary-Used-Percent": "82",
    "X-Codex-Primary-Window-Minutes": "300",
    "X-Codex-Primary-Reset-After-Seconds": "1200",
    "X-Codex-Secondary-Used-Percent": "12.5",
    "X-Codex-Secondary-Window-Minutes": "10080",
    "X-Codex-Secondary-Reset-At": "1790400000",
}
CLAUDE = {  # as a Claude subscription answers
    "Anthropic-Ratelimit-Unified-5h-Reset": "1790003600",
    "Anthropic-Ratelimit-Unified-5h-Status": "allowed",
    "Anthropic-Ratelimit-Unified-5h-Utilization": "0.25",
    "Anthropic-Ratelimit-Unified-7d-Reset": "1790400000",
    "Anthropic-Ratelimit-Unified-7d-Status": "rejected",
    "Anthropic-Ratelimit-Unified-7d-Utilization": "0.99",
    "Anthropic-Ratelimit-Unified-Fallback-Percentage": "0.5",
    "Anthropic-Ratelimit-Unified-Status": "allowed",
}


def record(**more: object) -> dict[str, object]:
    """Return a record as 7.2.101-1 hands it out."""
    known: dict[str, object] = {
        "timestamp": datetime.fromtimestamp(NOW, UTC).isoformat(),
        "latency_ms": 1500,
        "ttft_ms": 400,
        "source": ABOUT[0],
        "auth_index": "0123456789abcdef",
        "client_ip": "203.0.113.9",
        "user_agent": "agent/1",
        "tokens": TOKENS,
        "failed": False,
        "generate": True,
        "fail": {"status_code": 200, "body": ""},
        "provider": "codex",
        "model": "gpt-5.4",
        "alias": "gpt",
        "endpoint": "POST /v1/chat/completions",
        "auth_type": "oauth",
        "api_key": "sk-c***nary",
    }
    return known | more


def parsed(**more: object) -> AccountRequest:
    [found] = usage_queue.parse(json.dumps([record(**more)]).encode(), NOW).requests
    return found


def test_a_record_becomes_an_attempt() -> None:
    assert parsed() == AccountRequest(NOW, *ABOUT, 200, False, 1.5, 0.4, 10, 5, 2, 1)


def test_a_failed_record_has_the_vendors_status_and_no_tokens() -> None:
    found = parsed(failed=True, fail={"status_code": 429, "body": "x"})
    assert (found.status, found.failed, found.prompt_tokens) == (429, True, None)


@pytest.mark.parametrize(
    ("more", "account"),
    [
        ({"source": "octocat"}, "octocat"),
        ({"source": "sk-live-canary"}, "account 01234567"),
        ({"source": "AIzaSyD0123456789abcdefghijklmnopqrs"}, "account 01234567"),
        ({"source": "short", "auth_type": "apikey"}, "key 01234567"),
        ({"source": "k@y", "auth_type": "apikey"}, "key 01234567"),
        ({"source": "short", "auth_type": "unknown"}, "account 01234567"),
        ({"source": "me@example.com", "auth_type": None}, "me@example.com"),
        ({"source": ""}, "account 01234567"),
        ({"source": None, "auth_index": None}, "account (no index)"),
        ({"source": "a\x1b[31m@b\n" + "c" * 500}, "a[31m@b" + "c" * 193),
    ],
)
def test_an_account_has_a_name_that_is_no_secret(more: dict[str, object], account: str) -> None:
    assert parsed(**more).account == account


@pytest.mark.parametrize("timestamp", ["", "soon", None, 7, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_time_that_cannot_be_is_the_present_one(timestamp: object) -> None:
    assert parsed(timestamp=timestamp).at == NOW


@pytest.mark.parametrize("lie", [-1, 2**70, 1e300, "x", None, [], {}, True])
def test_numbers_that_cannot_be_are_left_out(lie: object) -> None:
    found = parsed(latency_ms=lie, ttft_ms=lie, tokens={"input_tokens": lie, "output_tokens": 5}, fail=lie)
    assert (found.seconds, found.first_piece, found.prompt_tokens, found.completion_tokens) == (0, None, None, 5)
    assert parsed(failed=True, fail={"status_code": lie}).status == 500


def readings(signals: dict[str, str], **more: object) -> list[QuotaReading]:
    return list(quota_signals.readings(signals, ABOUT, NOW, **more))  # type: ignore[arg-type]


def test_codex_tells_two_windows() -> None:
    assert [(one.window, one.used, one.resets_at) for one in readings(CODEX)] == [
        ("5h", 82, NOW + 1200),
        ("7d", 12.5, 1_790_400_000),
    ]


def test_claude_tells_shares_and_which_window_refuses() -> None:
    assert [(one.window, one.used, one.resets_at) for one in readings(CLAUDE)] == [
        ("5h", 25, 1_790_003_600),
        ("7d", 100, 1_790_400_000),
    ]


@pytest.mark.parametrize(
    ("headers", "body", "resets_at"),
    [
        ({"Retry-After": "90"}, "", NOW + 90),
        ({"Retry-After": "Mon, 21 Sep 2026 14:00:00 GMT"}, "", 1_789_999_200),
        ({}, '{"error":{"type":"usage_limit_reached","resets_at":1790007200}}', 1_790_007_200),
        ({}, '{"error":{"resets_in_seconds":60}}', NOW + 60),
        ({"Retry-After": "soon"}, "[" * 20_000, None),
    ],
)
def test_a_refusal_tells_when_it_ends(headers: dict[str, str], body: str, resets_at: float | None) -> None:
    [found] = readings(headers, refused=True, body=body)
    assert (found.window, found.model, found.used, found.resets_at) == (LIMIT, ABOUT[2], 100, resets_at)


@pytest.mark.parametrize("lie", ["", "x", "nan", "inf", "-5", "1e9", "9" * 400])
def test_signals_that_cannot_be_are_left_out(lie: str) -> None:
    assert readings({"X-Codex-Primary-Used-Percent": lie, "Anthropic-Ratelimit-Unified-5h-Utilization": lie}) == []
    [found] = readings(dict.fromkeys(CODEX, lie) | {"X-Codex-Primary-Used-Percent": "5"})
    assert (found.window, found.resets_at) in (("primary", None), ("primary", 1e9))


@pytest.mark.parametrize(("version", "added"), [("6.8.16-0", False), ("", False), ("v7.2.137-9", True), ("7.2", True)])
def test_records_are_switched_on_where_there_are_any(version: str, added: bool) -> None:
    found = upstream_overrides.additions(OwnSettings(), {}, version, usage=True)
    assert ("usage-statistics-enabled" in found.settings) is added is usage_source.has_queue(version)


def test_a_setting_of_ones_own_is_kept_and_its_price_said() -> None:
    own = OwnSettings(settings={"usage-statistics-enabled": False})  # type: ignore[typeddict-unknown-key]
    found = upstream_overrides.additions(own, {}, "7.2.101-1", usage=True)
    assert "usage-statistics-enabled" not in found.settings
    assert "requests by account are not known" in found.warnings[0]

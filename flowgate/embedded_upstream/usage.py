"""Usage counters in memory: the older line reports sums, the newer one hands out each record once.

Source: recorded responses of `/v0/management/usage`; the records of 7.2.101-1's queue, internal/redisqueue/plugin.go
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flowgate.embedded_upstream.json_data import JsonObject

KEPT = 10_000
KEPT_SECONDS = 60.0  # of the newer line
MOST_AT_ONCE = 500
SHORT_KEY = 8


class Tokens(NamedTuple):
    """The tokens of one request.

    Attributes:
        input: Those of the request, with the cached ones.
        output: Those of the answer, with its thoughts.
        reasoning: Those of the thoughts.
        cached: Those of the request that were in the vendor's cache.
    """

    input: int = 0
    output: int = 0
    reasoning: int = 0
    cached: int = 0

    @property
    def total(self) -> int:
        """All tokens."""
        return self.input + self.output


NO_TOKENS = Tokens()


@dataclass(frozen=True, slots=True)
class Record:
    """One request that a credential answered or failed.

    Attributes:
        client: The client's key.
        model: The model that was requested.
        source: The credential's owner.
        auth_index: The credential's index in `/auth-files`; empty if it is no auth file.
        tokens: What was counted.
        failed: Whether the request failed.
        at: When it began.
        provider: The credential's provider.
        path: The endpoint.
        status: The vendor's status.
        seconds: How long the answer took.
        error: The vendor's error; empty for none.
        headers: Headers of the vendor's response.
    """

    client: str
    model: str
    source: str
    auth_index: str
    tokens: Tokens
    failed: bool
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    provider: str = ""
    path: str = ""
    status: int = 200
    seconds: float = 0.0
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def detail(self) -> JsonObject:
        """Return the record as the older line reports it."""
        tokens: JsonObject = {
            "input_tokens": self.tokens.input,
            "output_tokens": self.tokens.output,
            "reasoning_tokens": self.tokens.reasoning,
            "cached_tokens": self.tokens.cached,
            "total_tokens": self.tokens.total,
        }
        return {
            "timestamp": self.at.isoformat(),
            "source": self.source,
            "auth_index": self.auth_index,
            "tokens": tokens,
            "failed": self.failed,
        }

    def queued(self) -> JsonObject:
        """Return the record as the newer line hands it out: with the client's key masked, and the error in full."""
        tokens: JsonObject = {
            "input_tokens": self.tokens.input,
            "output_tokens": self.tokens.output,
            "reasoning_tokens": self.tokens.reasoning,
            "cached_tokens": self.tokens.cached,
            "cache_read_tokens": self.tokens.cached,
            "cache_read_tokens_present": True,
            "cache_creation_tokens": 0,
            "total_tokens": self.tokens.total,
        }
        headers: JsonObject = {name: [value] for name, value in self.headers.items()}
        return {
            "timestamp": self.at.isoformat(),
            "latency_ms": int(self.seconds * 1000),
            "ttft_ms": int(self.seconds * 1000),
            "source": self.source,
            "auth_index": self.auth_index,
            "tokens": tokens,
            "failed": self.failed,
            "generate": True,
            "fail": {"status_code": self.status or 500, "body": self.error},
            **({"response_headers": headers} if headers else {}),
            "provider": self.provider or "unknown",
            "executor_type": "unknown",
            "model": self.model or "unknown",
            "alias": self.model or "unknown",
            "endpoint": f"POST {self.path}",
            "auth_type": "oauth" if self.auth_index else "apikey",
            "api_key": _masked(self.client),
            "request_id": "",
            "reasoning_effort": "",
            "service_tier": "",
        }


@dataclass(slots=True)
class Usage:
    """The newest records, oldest first.

    Attributes:
        records: All of them; of the newer line, those that were not handed out.
        kept_seconds: The newer line forgets a record after so long.
    """

    records: list[Record] = field(default_factory=list)
    kept_seconds: float = KEPT_SECONDS

    def add(self, record: Record) -> None:
        """Add a record."""
        self.records.append(record)
        del self.records[:-KEPT]

    def failures(self) -> int:
        """Count the requests that failed."""
        return sum(record.failed for record in self.records)

    def report(self) -> JsonObject:
        """Return all sums."""
        failures = self.failures()
        clients = dict.fromkeys(record.client for record in self.records)
        return {
            "total_requests": len(self.records),
            "success_count": len(self.records) - failures,
            "failure_count": failures,
            "total_tokens": _tokens(self.records),
            "apis": {client: _by_model([one for one in self.records if one.client == client]) for client in clients},
            "requests_by_day": self._counts("%Y-%m-%d", requests=True),
            "requests_by_hour": self._counts("%H", requests=True),
            "tokens_by_day": self._counts("%Y-%m-%d", requests=False),
            "tokens_by_hour": self._counts("%H", requests=False),
        }

    def _counts(self, period: str, *, requests: bool) -> JsonObject:
        """Count requests, else tokens, by a part of the time."""
        periods = dict.fromkeys(f"{record.at:{period}}" for record in self.records)
        inside = {name: [one for one in self.records if f"{one.at:{period}}" == name] for name in periods}
        return {name: len(records) if requests else _tokens(records) for name, records in inside.items()}

    def pop(self, count: int) -> list[JsonObject]:
        """Remove and return the oldest records.

        Args:
            count: The largest number to return.
        """
        oldest = datetime.now(UTC) - timedelta(seconds=self.kept_seconds)
        kept = [record for record in self.records if record.at + timedelta(seconds=record.seconds) >= oldest]
        taken, self.records = kept[:count], kept[count:]
        return [record.queued() for record in taken]


def _masked(key: str) -> str:
    if len(key) <= SHORT_KEY:
        return f"{key[:2]}***" if key else ""
    return f"{key[:4]}***{key[-4:]}"


def _tokens(records: list[Record]) -> int:
    return sum(record.tokens.total for record in records)


def _by_model(records: list[Record]) -> JsonObject:
    models: JsonObject = {}
    for model in dict.fromkeys(record.model for record in records):
        rows = [one for one in records if one.model == model]
        details = [row.detail() for row in rows]
        models[model] = {"total_requests": len(rows), "total_tokens": _tokens(rows), "details": [*details]}
    return {"total_requests": len(records), "total_tokens": _tokens(records), "models": models}

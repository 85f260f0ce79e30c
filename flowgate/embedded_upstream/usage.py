"""What was asked, counted in memory as the older line does; the newer one hands records out once.

Source: recorded answers of `/v0/management/usage`
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Tree = dict[str, Any]
KEPT = 10_000


@dataclass(slots=True)
class Usage:
    """Records of questions, oldest first: when, client key, model, source, index, tokens asked and said, failed."""

    records: list[tuple[datetime, str, str, str, str, int, int, bool]] = field(default_factory=list)

    def add(self, key: str, model: str, source: str, index: str, tokens: tuple[int, int], failed: bool) -> None:
        """Note a question. tokens: asked and said"""
        self.records.append((datetime.now(UTC), key, model, source, index, *tokens, failed))
        del self.records[:-KEPT]

    def report(self) -> Tree:
        """Add everything up."""
        apis: Tree = {}
        days: dict[str, dict[str, int]] = {"rd": {}, "rh": {}, "td": {}, "th": {}}
        for when, key, model, source, index, asked, said, failed in self.records:
            total = asked + said
            api = apis.setdefault(key, {"total_requests": 0, "total_tokens": 0, "models": {}})
            row = api["models"].setdefault(model, {"total_requests": 0, "total_tokens": 0, "details": []})
            for counted in (api, row):
                counted["total_requests"] += 1
                counted["total_tokens"] += total
            parts = {"input_tokens": asked, "output_tokens": said, "reasoning_tokens": 0, "cached_tokens": 0}
            head = {"timestamp": when.isoformat(), "source": source, "auth_index": index}
            row["details"].append({**head, "tokens": {**parts, "total_tokens": total}, "failed": failed})
            for name, place, much in (("r", when, 1), ("t", when, total)):
                day, hour = days[f"{name}d"], days[f"{name}h"]
                day[f"{place:%Y-%m-%d}"] = day.get(f"{place:%Y-%m-%d}", 0) + much
                hour[f"{place:%H}"] = hour.get(f"{place:%H}", 0) + much
        bad = sum(record[-1] for record in self.records)
        return {
            "total_requests": len(self.records),
            "success_count": len(self.records) - bad,
            "failure_count": bad,
            "total_tokens": sum(record[5] + record[6] for record in self.records),
            "apis": apis,
            "requests_by_day": days["rd"],
            "requests_by_hour": days["rh"],
            "tokens_by_day": days["td"],
            "tokens_by_hour": days["th"],
        }

    def failures(self) -> int:
        """Count the questions that failed."""
        return sum(record[-1] for record in self.records)

    def pop(self, count: int) -> list[Tree]:
        """Hand out the oldest records, once."""
        taken, self.records = self.records[:count], self.records[count:]
        return [
            {"timestamp": when.isoformat(), "model": model, "source": source, "auth_index": index, "failed": failed}
            for when, _, model, source, index, _, _, failed in taken
        ]

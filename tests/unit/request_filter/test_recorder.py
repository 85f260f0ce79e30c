"""What the filter tells a recorder of requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from flowgate.domain.request_rules import RequestRules
from flowgate.request_filter.rules import FilterRules
from tests.unit.request_filter.test_rows import RULES, attempt, layer, row, send

if TYPE_CHECKING:
    from flowgate.request_filter.recent import RecentRequest

LOCKED = FilterRules("7", 4000, requests=RequestRules(key_source=f"{__name__}:keys"))


def keys() -> tuple[str, ...]:
    return ("sk-the-key",)


@dataclass
class Notes:
    """A recorder that writes down what it is told."""

    told: list[str] = field(default_factory=list)

    def begin(self, row: RecentRequest) -> None:
        self.told.append(f"begin {row['path']}")

    def end(self, row: RecentRequest) -> None:
        self.told.append(f"end {row.get('status')} {row['seconds'] >= 0}")

    def refuse(self, row: RecentRequest) -> None:
        self.told.append(f"refuse {row['status']}")


def test_a_request_that_asks_a_model_begins_and_ends() -> None:
    one, notes = layer(200, attempt()), Notes()
    one.recorder = notes
    send(one, "/ask")
    assert notes.told == ["begin /ask", "end 200 True"]


def test_a_request_that_only_reads_does_not_begin() -> None:
    one, notes = layer(200), Notes()
    one.recorder = notes
    send(one, "/v1/models", method="GET")
    assert notes.told == ["end 200 True"]  # which a recorder ignores


@pytest.mark.parametrize(("method", "told"), [("POST", ["refuse 401"]), ("GET", [])])
def test_a_request_without_a_key_is_counted(method: str, told: list[str]) -> None:
    one, notes = layer(200, rules=LOCKED), Notes()
    one.recorder = notes
    send(one, "/v1/chat/completions", method=method)
    assert notes.told == told


def test_the_time_until_the_first_byte_is_noted() -> None:
    one = layer(200, attempt(), rules=RULES)
    send(one, "/ask")
    assert 0.0 <= row(one)["first"] <= row(one)["seconds"] + 0.01


def test_a_response_without_a_body_has_no_first_byte() -> None:
    one = layer(204, body=b"")
    send(one, "/ask")
    assert "first" not in row(one)

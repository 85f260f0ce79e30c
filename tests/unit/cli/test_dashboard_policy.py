"""What the dashboard says of profiles comes from a process that ends at once, and is kept for a minute."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from flowgate.cli import dashboard_policy
from flowgate.cli.dashboard_policy import KEPT_SECONDS, PolicyReader
from flowgate.cli.session import Session
from flowgate.errors import EnvironmentFailure, UsageError
from flowgate.system import command
from flowgate.system.clock import Clock
from flowgate.system.command import CommandResult

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """Answer every process at once; return what was asked."""
    found: list[Sequence[str]] = []

    def run(argv: Sequence[str], **_: Any) -> CommandResult:
        found.append(argv[-2:])
        return CommandResult(0, json.dumps({"promises": [f"p{len(found)}"], "rehearsed": "Never", "notes": []}), "")

    monkeypatch.setattr(command, "run", run)
    return found


def test_it_is_found_once_a_minute_and_anew_for_another_profile(session: Session, asked: list[Sequence[str]]) -> None:
    now = [0.0]
    reader = PolicyReader(Clock(now=lambda: now[0]))
    assert [reader.facts(session, "balanced").promises for _ in range(3)] == [["p1"]] * 3
    assert reader.facts(session, "cost").promises == ["p2"]
    now[0] = KEPT_SECONDS
    assert reader.facts(session, "cost").promises == ["p3"]
    reader.forget()
    reader.facts(session, "cost")
    assert [profile for _, profile in asked] == ["balanced", "cost", "cost", "cost"]


def test_a_profile_that_is_gone_asks_nothing(session: Session, asked: list[Sequence[str]]) -> None:
    assert "has no profile nothing any more" in PolicyReader(Clock()).facts(session, "nothing").notes[0]
    assert asked == []


def answer(monkeypatch: pytest.MonkeyPatch, code: int, out: str, err: str = "") -> None:
    monkeypatch.setattr(command, "run", lambda *_, **__: CommandResult(code, out, err))


def test_a_process_that_fails_is_said(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 70, "", "first\nerror: a bug\n")
    assert PolicyReader(Clock()).facts(session, "cost").notes[0].endswith("error: a bug")
    with pytest.raises(EnvironmentFailure, match="cannot be found out"):
        dashboard_policy.preview(session, "switch", "cost")


def test_a_refusal_stays_a_refusal(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 0, '{"error": "the profile is wrong", "fix": "mend it"}')
    with pytest.raises(UsageError, match="the profile is wrong"):
        dashboard_policy.preview(session, "switch", "cost")


def test_the_process_prints_what_is_wanted(session: Session, capsys: Captured) -> None:
    dashboard_policy.main(str(session.named.value), "facts", "balanced")
    found = json.loads(capsys.readouterr().out)
    assert any("up to 2 attempts" in one for one in found["promises"])
    assert found["rehearsed"].startswith("Never rehearsed")


def test_a_preview_passes_through_a_process(session: Session) -> None:
    shown = dashboard_policy.preview(session, "rehearse", "cost")
    assert (shown.title, shown.words) == ("Rehearse cost", ["rehearse", "--profile", "cost"])

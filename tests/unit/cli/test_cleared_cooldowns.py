"""Cooldowns that a person ends: their events, and what an audit makes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from flowgate.cli import cleared_cooldowns
from flowgate.cli.cooldown_rows import Row
from flowgate.system import own_process
from tests.unit.audit.conftest import OUTAGE, Asked, good
from tests.unit.cli.test_audit import document, show, write

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from tests.conftest import Workspace

ALL = ("", "9999")


def row(deployment: str = "openai/big", **more: Any) -> Row:
    about: Any = {"by": "litellm", "models": ["big"], "deployment": deployment, "address": "", "why": "429"}
    made: Any = {**about, "since": "2025-10-09T10:00:30Z", "until": "", "seconds_left": 41.6, "quota_reset_at": ""}
    return cast("Row", {**made, **more})


def test_an_event_says_which_cooldown_was_ended_and_by_whom(session: Session) -> None:
    cleared_cooldowns.record(session, [row()], [], "balanced")
    (line,) = (session.config.paths.runtime_dir / "events.log").read_text().splitlines()
    found = json.loads(line)
    assert found.pop("timestamp")
    user = own_process.own_user()
    detail = f"big (openai/big) after 429 since 2025-10-09T10:00:30Z: 42 s were left; ended by {user}"
    about = {"event": "cooldown_clear", "service": "litellm", "profile": "balanced", "provider": "", "result": "ok"}
    assert found == {**about, "detail": detail}


def test_only_cooldowns_that_are_gone_are_recorded(session: Session) -> None:
    before = [row(), row("openai/small"), row(since="2025-10-09T09:00:00Z")]
    cleared_cooldowns.record(session, before, [row(seconds_left=1.0)], "balanced")
    assert len(cleared_cooldowns.read(session, *ALL)) == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"seconds_left": None}, "its end was not reported"),
        ({"address": "http://127.0.0.1:8317/v1"}, "big (openai/big at http://127.0.0.1:8317/v1) after 429"),
        ({"models": []}, "- (openai/big)"),
        ({"why": ""}, "after an error since"),
        ({"since": ""}, "after 429: 42 s"),
        ({"by": "cliproxyapi_plus", "deployment": "codex é"}, "(codex é)"),
    ],
)
def test_what_is_not_known_of_a_cooldown_is_left_out(session: Session, more: dict[str, Any], words: str) -> None:
    cleared_cooldowns.record(session, [row(**more)], [], "balanced")
    assert words in cleared_cooldowns.read(session, *ALL)[0]["detail"]


def test_lines_that_are_no_events_and_other_times_are_left_out(session: Session) -> None:
    log = session.config.paths.runtime_dir / "events.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    event = {"event": "cooldown_clear", "service": "litellm", "detail": "x", "timestamp": "2025-10-09T10:00:00.000Z"}
    other = {**event, "event": "play", "detail": "cooldown_clear"}
    log.write_text(
        "\n".join(["cooldown_clear", '{"event": "cooldown_clear', json.dumps(other), json.dumps(event)]) + "\n"
    )
    assert len(cleared_cooldowns.read(session, "2025-10-09T10:00:00.000Z", "2025-10-09T10:00:00.000Z")) == 1
    assert cleared_cooldowns.read(session, "2025-10-09T10:00:01.000Z", "2025-10-10") == []


def test_a_cooldown_that_was_ended_breaks_no_promise_and_is_listed(
    place: Workspace, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, OUTAGE[:3])  # two failed requests, and so a cooldown of a minute
    write(place, [Asked(OUTAGE[2].at + 5, [good()])])  # the generation that `--clear` started
    cleared_cooldowns.record(session, [row()], [], "balanced")
    found = document(capsys)
    assert (found["requests"], found["broken"], len(found["cleared"])) == (4, 0, 1)
    assert show() == 0
    assert "cooldown ended early at 2" in capsys.readouterr().err


def test_the_same_requests_in_one_generation_break_it(place: Workspace) -> None:
    write(place, [*OUTAGE[:3], Asked(OUTAGE[2].at + 5, [good()])])
    assert show() == 1

"""A service that serves without the one that it needs is a failure, as its clients see it."""

from __future__ import annotations

import pytest

from flowgate.cli.checks.running import services
from tests.unit.cli.sessions import SessionFactory

LITELLM, UPSTREAM = "litellm", "cliproxyapi_plus"
CASES = [
    ({}, [("pass", "")]),
    ({LITELLM: ["serving"]}, [("fail", f"inv service.start --service {UPSTREAM}")]),
    ({LITELLM: ["serving"], UPSTREAM: []}, [("fail", f"inv service.start --service {UPSTREAM}")]),
    ({LITELLM: ["orphaned"], UPSTREAM: []}, [("fail", f"inv service.start --service {UPSTREAM}")]),
    ({LITELLM: ["serving"], UPSTREAM: ["starting"]}, [("warn", "inv health")]),
    ({LITELLM: ["serving"], UPSTREAM: ["serving"]}, [("pass", "")]),
    ({LITELLM: ["draining", "serving"], UPSTREAM: ["draining", "serving"]}, [("pass", "")]),
    ({UPSTREAM: ["serving"]}, [("pass", "")]),
    ({LITELLM: ["starting"]}, [("pass", "")]),
]


@pytest.mark.parametrize(("phases", "found"), CASES)
def test_what_serves_has_what_it_needs(
    new_session: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
    phases: dict[str, list[str]],
    found: list[tuple[str, str]],
) -> None:
    session = new_session(embedded=True)
    generations = {
        name: {"generations": [{"phase": one, "port": 1} for one in listed]} for name, listed in phases.items()
    }
    monkeypatch.setattr(session.supervisor, "status", lambda: {"supervisor": 1, "services": generations})
    assert [(one.status, one.fix) for one in services(session)] == found


def test_why_the_other_one_has_ended_is_said(new_session: SessionFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    session = new_session(embedded=True)
    status = {
        LITELLM: {"generations": [{"phase": "serving", "port": 1}]},
        UPSTREAM: {"generations": [], "failure": "exited with 3"},
    }
    monkeypatch.setattr(session.supervisor, "status", lambda: {"supervisor": 1, "services": status})
    (found,) = services(session)
    assert "(exited with 3): requests that need it are answered with 503" in found.message

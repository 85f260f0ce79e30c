"""`hold` waits for a quiet moment, and cuts nothing unless it is told to."""

from __future__ import annotations

import pytest

from flowgate.domain import Change, Result
from flowgate.errors import NotReady
from flowgate.steps.hold_requests import hold_requests
from tests.unit.steps.conftest import Stage


def test_where_nobody_asks_nothing_is_held(stage: Stage) -> None:
    assert isinstance(hold_requests(stage.context().read_only()), Result)


def test_a_quiet_moment_is_held(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm")
    found = hold_requests(stage.context().read_only())
    assert isinstance(found, Change)
    assert not found.changes
    assert found.apply(stage.context())["under_way"] == 0
    assert stage.supervisor.asked == [("hold", "litellm", 10.0)]


def test_when_the_moment_does_not_come_nothing_is_cut_and_it_says_for_how_long(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm").busy = (2, 61.0)
    found = hold_requests(stage.context().read_only(), timeout=3)
    assert isinstance(found, Change)
    with pytest.raises(NotReady, match="2 answers are still under way after 3 s, the oldest for 61 s") as refused:
        found.apply(stage.context())
    assert "--now" in refused.value.fix
    assert stage.supervisor.asked[-1] == ("let", "litellm")


def test_now_says_what_it_will_cut(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm").busy = (1, 5.0)
    found = hold_requests(stage.context().read_only(), now=True)
    assert isinstance(found, Change)
    assert found.apply(stage.context())["message"] == "new questions wait; 1 under way will be cut"

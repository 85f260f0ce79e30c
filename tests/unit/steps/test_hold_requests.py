"""`hold_requests` waits until no request is in progress, and cuts requests only with `now`."""

from __future__ import annotations

import pytest

from flowgate.domain import Change, Result
from flowgate.errors import NotReady
from flowgate.steps.hold_requests import hold_requests
from tests.unit.steps.conftest import Stage


def test_nothing_is_held_while_litellm_does_not_run(stage: Stage) -> None:
    assert isinstance(hold_requests(stage.context().read_only()), Result)


def test_requests_are_held_when_none_is_in_progress(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm")
    found = hold_requests(stage.context().read_only())
    assert isinstance(found, Change)
    assert not found.changes
    assert found.apply(stage.context())["under_way"] == 0
    assert stage.supervisor.calls == [("hold", "litellm", 10.0)]


def test_requests_still_in_progress_are_reported_and_not_cut(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm").busy = (2, 61.0)
    found = hold_requests(stage.context().read_only(), timeout=3)
    assert isinstance(found, Change)
    with pytest.raises(NotReady, match="2 requests are still in progress after 3 s, the oldest for 61 s") as refused:
        found.apply(stage.context())
    assert "--now" in refused.value.fix
    assert stage.supervisor.calls[-1] == ("release", "litellm")


def test_with_now_the_requests_that_will_be_cut_are_reported(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm").busy = (1, 5.0)
    found = hold_requests(stage.context().read_only(), now=True)
    assert isinstance(found, Change)
    assert found.apply(stage.context())["message"] == "holding new requests; 1 in progress will be cut"

"""The step `rehearse`: what it rejects, and what it announces."""

from __future__ import annotations

import pytest

from flowgate.domain import Change
from flowgate.errors import UnknownName
from flowgate.steps.rehearse import rehearse
from tests.unit.steps.conftest import Stage


def test_an_unknown_scenario_is_an_error_with_a_suggestion(stage: Stage) -> None:
    with pytest.raises(UnknownName, match="no scenario is called '50'") as raised:
        rehearse(stage.context().read_only(), scenario="50")
    assert (raised.value.code, raised.value.fix) == (2, "did you mean '500'?")


def test_an_unknown_profile_is_an_error(stage: Stage) -> None:
    with pytest.raises(UnknownName, match="no profile is called 'cots'"):
        rehearse(stage.context().read_only(), profile="cots")


def test_it_changes_nothing_and_its_result_cannot_be_predicted(stage: Stage) -> None:
    found = rehearse(stage.context().read_only(), every=True, scenario="500")
    assert isinstance(found, Change)
    assert (found.summary, found.changes) == ("rehearse balanced, cost: scenario 500", False)
    assert found.unpredicted

"""The step `rehearse`: what it rejects, and what it announces."""

from __future__ import annotations

import pytest

from flowgate.domain import Change
from flowgate.errors import UnknownName, UsageError
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


@pytest.mark.parametrize("count", [0, -1, 9])
def test_a_number_of_gateways_out_of_range_is_an_error(stage: Stage, count: int) -> None:
    with pytest.raises(UsageError, match=f"{count} gateways cannot be rehearsed"):
        rehearse(stage.context().read_only(), gateways=count)


def test_several_gateways_are_announced(stage: Stage) -> None:
    found = rehearse(stage.context().read_only(), scenario="500", gateways=2)
    assert isinstance(found, Change)
    assert found.summary == "rehearse balanced on 2 gateways: scenario 500"

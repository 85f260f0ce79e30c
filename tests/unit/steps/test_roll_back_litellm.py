"""Back to the LiteLLM that was in force before, and forward again."""

from __future__ import annotations

import pytest

from flowgate.errors import ProgramMissing
from flowgate.gateway import litellm_environments
from flowgate.steps.promote import promote
from flowgate.steps.roll_back_litellm import roll_back_litellm
from flowgate.steps.start import start
from tests.unit.steps.conftest import Stage
from tests.unit.steps.test_use_litellm import NEW, gateway, hand_over, record, serving

__all__ = ["gateway"]


def test_a_rollback_goes_back_and_a_second_one_forward(gateway: Stage) -> None:
    hand_over(gateway, NEW)
    for expected in ("", NEW):
        context = gateway.context()
        gateway.apply(roll_back_litellm, context)
        gateway.apply(start, context, service="litellm")
        gateway.apply(promote, context)
        assert (serving(gateway), record(gateway).in_force) == (expected, expected)


def test_without_an_upgrade_there_is_nothing_to_go_back_to(gateway: Stage) -> None:
    with pytest.raises(ProgramMissing, match="no previous LiteLLM"):
        gateway.apply(roll_back_litellm)


def test_an_environment_in_force_that_was_deleted_is_an_error_not_another_version(gateway: Stage) -> None:
    hand_over(gateway, NEW)
    folder = litellm_environments.folder(gateway.config) / NEW
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(ProgramMissing, match=rf"LiteLLM {NEW}.*is missing"):
        gateway.context().stack()
    gateway.apply(roll_back_litellm)
    assert record(gateway).pending is None

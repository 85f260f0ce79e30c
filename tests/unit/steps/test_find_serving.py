"""`find_serving` reports what a service runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowgate.errors import CheckFailed, NotReady
from flowgate.steps.find_serving import find_serving

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


def test_the_profile_of_the_newest_generation_is_found(stage: Stage) -> None:
    stage.prepared().litellm("draining", "balanced").litellm("serving", "cost")
    assert stage.apply(find_serving)[1] == {"running": True, "generation": 2, "profile": "cost"}


def test_a_service_that_does_not_run_is_no_error(stage: Stage) -> None:
    assert stage.apply(find_serving) == ("unchanged", {"running": False, "generation": None, "profile": ""})


def test_a_required_service_that_does_not_run_is_an_error(stage: Stage) -> None:
    with pytest.raises(NotReady, match="cliproxyapi_plus is not running"):
        stage.apply(find_serving, service="cliproxyapi_plus", required=True)


def test_another_profile_than_the_expected_one_is_an_error(stage: Stage) -> None:
    stage.prepared().litellm("serving", "cost").litellm("ready", "balanced")
    assert stage.apply(find_serving, expected="cost")[1]["generation"] == 2
    with pytest.raises(CheckFailed, match="profile cost serves, not balanced: nothing is changed"):
        stage.apply(find_serving, expected="balanced")


def test_nothing_that_serves_is_not_the_expected_profile(stage: Stage) -> None:
    with pytest.raises(CheckFailed, match="no profile serves, not cost"):
        stage.apply(find_serving, expected="cost")

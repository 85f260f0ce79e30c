"""Building the stack of a profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from flowgate.domain import Config, Secret, Sourced, Stack
from flowgate.errors import UnknownName
from flowgate.gateway.build import BuildInputs, build, start_order

Make = Callable[..., Config]


def stack(config: Config, profile: str = "balanced", **ports: int) -> Stack:
    return build(config, Sourced(profile, "typed"), BuildInputs(ports, Secret("sk-upstream")))


def test_an_unknown_profile_is_rejected_with_its_place_and_a_suggestion(config: Make) -> None:
    with pytest.raises(UnknownName) as caught:
        stack(config(), "cots")
    assert str(caught.value) == "no profile is called 'cots' (/home/me/flowgate.yaml:21)"
    assert caught.value.fix == "did you mean 'cost'?"


def test_each_model_of_a_profile_is_listed_once(config: Make) -> None:
    assert stack(config()).models == ("router-default", "router-cheap", "elsewhere")


def test_independent_services_start_in_parallel(config: Make) -> None:
    assert start_order(stack(config())) == [["cliproxyapi_plus", "litellm"]]


def test_a_service_starts_after_its_dependencies(config: Make) -> None:
    services = dict(config().services)
    services["litellm"] = replace(services["litellm"], depends_on=("cliproxyapi_plus",))
    assert start_order(stack(config(services=services))) == [["cliproxyapi_plus"], ["litellm"]]


def test_two_profiles_have_different_files_and_programs(config: Make) -> None:
    one, other = (stack(config(), name).services["litellm"] for name in ("balanced", "cost"))
    assert one.documents[0].path != other.documents[0].path
    assert one.program.digest != other.program.digest


def test_the_same_profile_has_the_same_program(config: Make) -> None:
    assert stack(config()) == stack(config())

"""The time that LiteLLM's own 429 names, while a model is in cooldown."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from flowgate.gateway import cooldown_left, router_attempts
from flowgate.request_filter.upstreams import Upstreams
from flowgate.system.clock import Clock


class RouterRateLimitError(ValueError):
    """An error of the name and form of LiteLLM's."""

    def __init__(self, model: str, cooldown_time: Any) -> None:
        self.model, self.cooldown_time = model, cooldown_time
        super().__init__(f"No deployments available, Try again in {cooldown_time} seconds. Passed model={model}")


class Router:
    """A router with a deployment for each cooldown: its model, its length, and what is left of it."""

    def __init__(self, *cooldowns: tuple[str, float, float], broken: bool = False) -> None:
        self.model_list = [
            {"model_name": name, "litellm_params": {}, "model_info": {"id": str(number)}}
            for number, (name, _, _) in enumerate(cooldowns)
        ]
        self.model_group_alias = {"short": "m"}
        now = Clock().wall().timestamp()
        rows = [{"timestamp": now - (length - left), "cooldown_time": length} for _, length, left in cooldowns]

        async def active(ids: list[str], span: None) -> list[tuple[str, Any]]:
            if broken:
                raise ConnectionError("redis")
            return [(number, rows[int(number)]) for number in ids]

        self.cooldown_cache = SimpleNamespace(async_get_active_cooldowns=active)


def told(router: Router, model: str = "m", length: Any = 60.0) -> tuple[Any, str]:
    error = RouterRateLimitError(model, length)
    asyncio.run(cooldown_left.correct(router, error))
    return error.cooldown_time, str(error)


@pytest.mark.parametrize(
    ("cooldowns", "seconds"),
    [
        ([("m", 60, 11.5)], 12),
        ([("m", 60, 40.5), ("m", 60, 7.5)], 8),
        ([("m", 60, 0.2)], 1),
        ([("m", 300, 50.5), ("other", 60, 3.5)], 51),
        ([("m", 3600, 59.2)], 60),
        ([("other", 60, 3.5)], 60.0),  # the model is left out for another reason
        ([("m", 300, 250.0)], 60.0),  # never longer than what LiteLLM says
        ([("m", 60, -1.0)], 60.0),  # it is over
        ([], 60.0),
    ],
)
def test_the_error_names_what_is_left(cooldowns: list[tuple[str, float, float]], seconds: float) -> None:
    found, text = told(Router(*cooldowns))
    assert found == seconds
    assert f"Try again in {found} seconds. Passed model=m" in text


def test_an_alias_stands_for_its_model() -> None:
    assert told(Router(("m", 60, 11.5)), "short")[0] == 12


@pytest.mark.parametrize("length", [None, "60", [1]])
def test_a_length_that_is_no_number_is_left_alone(length: Any) -> None:
    assert told(Router(("m", 60, 11.5)), length=length)[0] == length


def test_a_router_that_cannot_tell_changes_nothing() -> None:
    assert told(Router(("m", 60, 11.5), broken=True))[0] == 60.0


def test_other_errors_are_left_alone() -> None:
    error = ValueError("Try again in 60.0 seconds")
    error.cooldown_time = 60.0  # type: ignore[attr-defined]
    asyncio.run(cooldown_left.correct(Router(("m", 60, 11.5)), error))
    assert str(error) == "Try again in 60.0 seconds"


def test_the_error_of_a_router_that_is_recorded_is_corrected() -> None:
    class Recorded(Router):
        async def make_call(self, *args: Any, **kwargs: Any) -> None:
            """Make no call."""

        async def async_get_available_deployment(self, *args: Any, **kwargs: Any) -> None:
            raise RouterRateLimitError("m", 60.0)

    assert router_attempts.install(Recorded, Upstreams()) == ""
    with pytest.raises(RouterRateLimitError, match="Try again in 12 seconds"):
        asyncio.run(Recorded(("m", 60, 11.5)).async_get_available_deployment())

"""What a profile's description says about the limits, and where they have no effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flowgate.domain import Config
from flowgate.gateway import request_limits

Make = Callable[..., Config]


def limited(config: Config, **changes: Any) -> Config:
    own = replace(config.services["litellm"], **changes)
    return replace(config, services={**config.services, "litellm": own})


def test_the_limits_in_force_are_told(config: Make) -> None:
    told = request_limits.describe(limited(config(), max_requests=7, max_body=2**21))
    assert told[0].startswith("up to 7 requests are in progress at once (services.litellm.max_requests)")
    assert told[-1] == "a body may have up to 2 MiB (services.litellm.max_body)"


def test_a_number_above_what_files_allow_is_told(config: Make) -> None:
    assert "so few files open" in request_limits.describe(limited(config(), max_requests=10**9))[1]


@pytest.mark.parametrize(
    ("changes", "count"), [({}, 0), ({"max_requests": 7}, 1), ({"max_requests": 7, "max_body": 8}, 2)]
)
def test_limits_of_a_program_of_ones_own_are_refused(config: Make, changes: dict[str, int], count: int) -> None:
    assert request_limits.faults(limited(config(), **changes)) == []
    own = limited(config(), args=("/usr/bin/litellm",), **changes)
    assert len(request_limits.faults(own)) == count

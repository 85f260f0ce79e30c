"""services.litellm.max_requests and max_body."""

from __future__ import annotations

import pytest

from flowgate.domain.request_limits import AUTO, MAX_BODY
from flowgate.errors import FlowGateError
from tests.unit.config.conftest import read_whole


def limits(text: str, service: str = "litellm") -> tuple[int, int]:
    own = read_whole(f"services: {{{service}: {{{text}}}}}\n").services["litellm"]
    return own.max_requests, own.max_body


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", (AUTO, MAX_BODY)),
        ("max_requests: auto", (AUTO, MAX_BODY)),
        ("max_requests: 1", (1, MAX_BODY)),
        ("max_requests: 300, max_body: 2MiB", (300, 2**21)),
    ],
)
def test_limits_are_read(text: str, found: tuple[int, int]) -> None:
    assert limits(text) == found


@pytest.mark.parametrize("text", ["0", "-1", "true", "'200'", "2.5", "many", "null", "100001", "AUTO"])
def test_another_number_of_requests_is_refused(text: str) -> None:
    with pytest.raises(FlowGateError, match="max_requests"):
        limits(f"max_requests: {text}")


@pytest.mark.parametrize("text", ["max_requests: 5", "max_body: 1MiB", "max_requests: auto"])
def test_they_are_litellms_alone(text: str) -> None:
    with pytest.raises(FlowGateError, match="no effect"):
        limits(text, "cliproxyapi_plus")

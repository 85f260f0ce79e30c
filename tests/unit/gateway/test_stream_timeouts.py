"""A stream that stays silent until its time-out counts as a time-out for LiteLLM's retries."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import pytest

from flowgate.gateway import stream_timeouts


class TimeoutException(Exception):
    """httpx's base class of time-outs."""


class ReadTimeout(TimeoutException):
    """httpx's time-out of a read."""


class PoolTimeout(TimeoutException):
    """httpx's time-out of waiting for a connection."""


class Timeout(Exception):
    """LiteLLM's exception of that name."""

    def __init__(self, message: str, model: str, llm_provider: str) -> None:
        super().__init__(message)
        self.model, self.llm_provider = model, llm_provider


class MidStreamFallbackError(Exception):
    """LiteLLM's exception for a stream that failed."""

    model, llm_provider = "m", "openai"

    def __init__(self, original: Exception) -> None:
        super().__init__("failed")
        self.original_exception = original


def caused_by(error: Exception) -> Exception:
    made = ConnectionError("APIConnectionError")
    made.__context__ = error
    return made


@pytest.fixture
def router() -> Any:
    found = SimpleNamespace(_mid_stream_retry_trigger=lambda error: error.original_exception)
    assert stream_timeouts.install(found, Timeout) == stream_timeouts.install(found, Timeout) == ""
    return found


@pytest.mark.parametrize("error", [ReadTimeout("x"), caused_by(ReadTimeout("x")), caused_by(caused_by(ReadTimeout()))])
def test_a_silent_stream_is_a_timeout(router: Any, error: Exception) -> None:
    found = router._mid_stream_retry_trigger(MidStreamFallbackError(error))
    assert isinstance(found, Timeout)
    assert (found.model, found.llm_provider, str(found)) == ("m", "openai", str(error))


@pytest.mark.parametrize(
    "error",
    [
        ValueError("overloaded"),
        caused_by(OSError(errno.ECONNRESET, "reset")),
        PoolTimeout("no connection left"),
        caused_by(PoolTimeout("no connection left")),
        Timeout("already one", "m", "openai"),
    ],
)
def test_other_failures_of_a_stream_stay_what_they_are(router: Any, error: Exception) -> None:
    assert router._mid_stream_retry_trigger(MidStreamFallbackError(error)) is error


@pytest.mark.parametrize(("module", "timeout"), [(None, Timeout), (SimpleNamespace(), Timeout)])
def test_a_router_without_the_function_is_reported(module: Any, timeout: Any) -> None:
    assert "has no _mid_stream_retry_trigger" in stream_timeouts.install(module, timeout)

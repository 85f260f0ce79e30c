"""Why an attempt failed, read from chains of exceptions as LiteLLM raises them."""

from __future__ import annotations

import errno
from types import SimpleNamespace

import pytest

from flowgate.gateway import failure_causes


class NotFoundError(Exception):
    """A public exception of LiteLLM."""

    status_code = 404


NotFoundError.__module__ = "litellm.exceptions"


class PoolTimeout(Exception):
    """httpx's exception of that name."""


class VendorError(Exception):
    """A vendor's response."""

    def __init__(self, text: str, body: object = None) -> None:
        super().__init__("Client error '404 Not Found' for url 'http://host/v1/models/x'")
        self.response, self.body = SimpleNamespace(text=text), body


def raised_while_handling(outer: BaseException, inner: BaseException) -> BaseException:
    """Return LiteLLM's exception for `inner`, which was raised while `outer` was handled."""
    made = NotFoundError("the second attempt")
    made.__context__ = inner
    inner.__context__ = outer
    return made


@pytest.mark.parametrize(
    ("number", "is_short"),
    [
        (errno.EMFILE, True),
        (errno.ENFILE, True),
        (errno.ENOMEM, True),
        (errno.ENOBUFS, True),
        (errno.EADDRNOTAVAIL, True),
        (errno.ECONNREFUSED, False),
        (errno.ECONNRESET, False),
        (errno.ENOENT, False),
    ],
)
def test_a_shortage_is_found_behind_other_exceptions(number: int, is_short: bool) -> None:
    error = raised_while_handling(ValueError(), OSError(number, "text"))
    assert bool(failure_causes.shortage(error)) is is_short


def test_a_pool_without_a_free_connection_is_a_shortage() -> None:
    assert failure_causes.shortage(raised_while_handling(ValueError(), PoolTimeout()))


def test_a_refused_connection_is_named_without_any_text() -> None:
    error = raised_while_handling(ValueError(), OSError(errno.ECONNREFUSED, "secret"))
    assert (failure_causes.kind(error), failure_causes.was_refused(error)) == ("connection refused", True)
    assert failure_causes.kind(ValueError("a prompt")) == "ValueError"


def test_the_error_of_the_attempt_before_is_not_blamed() -> None:
    first = raised_while_handling(ValueError(), OSError(errno.ECONNREFUSED, "text"))
    second = raised_while_handling(first, VendorError("no such model"))
    assert not failure_causes.was_refused(second)
    assert failure_causes.kind(second) == "NotFoundError"


@pytest.mark.parametrize(
    "text",
    [
        "404 page not found",
        '{"detail":"Not Found"}',
        '{"error":{"message":"Invalid URL (POST /v1/models/x/embeddings)","type":"invalid_request_error"}}',
        "<html><h1>Not Found</h1></html>",
        "Cannot POST /v1/embeddings",
        "",
    ],
)
def test_a_404_that_names_no_model_is_a_missing_route(text: str) -> None:
    assert failure_causes.is_missing_route(raised_while_handling(ValueError(), VendorError(text)))


@pytest.mark.parametrize(
    "text",
    [
        "The model `gpt-4` does not exist or you do not have access to it.",
        '{"type":"error","error":{"type":"not_found_error","message":"model: claude-2"}}',
        'model "llama" not found, try pulling it first',
        '{"error":{"message":"gone","code":"model_not_found"}}',
        "models/gemini-1 is not found for API version v1beta",
        "The API deployment for this resource does not exist",
    ],
)
def test_a_404_for_a_retired_model_is_not(text: str) -> None:
    assert not failure_causes.is_missing_route(raised_while_handling(ValueError(), VendorError(text)))


def test_other_errors_are_no_missing_routes() -> None:
    assert not failure_causes.is_missing_route(ValueError("x"))

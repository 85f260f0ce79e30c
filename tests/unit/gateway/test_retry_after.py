"""Retry-After of a failed attempt: read as LiteLLM does, bounded, and whatever the exception is."""

from __future__ import annotations

from email.utils import formatdate
from types import SimpleNamespace

import httpx
import pytest

from flowgate.gateway import retry_after
from flowgate.gateway.retry_after import LONGEST, NONE

NOW = 1_760_000_400.0


class VendorError(Exception):
    """LiteLLM's exception for a vendor's response."""

    def __init__(self, **more: object) -> None:
        super().__init__("Rate limit reached for key sk-secret")
        vars(self).update(more)


def answered(value: str | None) -> VendorError:
    headers = {"x-request-id": "7"} if value is None else {"Retry-After": value, "x-request-id": "7"}
    return VendorError(response=httpx.Response(429, headers=headers))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *(("30", 30), ("0", 0), (" 7 ", 7), (None, NONE), ("", NONE), ("1.5", NONE), ("-3", NONE), ("soon", NONE)),
        *((formatdate(NOW + 90, usegmt=True), 90), (formatdate(NOW - 90, usegmt=True), NONE)),
        *(("9" * 30, LONGEST), ("9" * 5000, LONGEST), (formatdate(NOW + 2 * LONGEST, usegmt=True), LONGEST)),
    ],
)
def test_it_is_read_as_litellm_does_and_bounded(value: str | None, seconds: int) -> None:
    assert retry_after.seconds(answered(value), NOW) == seconds


def test_it_is_found_where_litellm_looks_for_it() -> None:
    headers, other = httpx.Headers({"retry-after": "5"}), httpx.Headers({"retry-after": "6"})
    assert retry_after.seconds(VendorError(headers=headers, response=httpx.Response(429, headers=other)), NOW) == 5
    assert retry_after.seconds(VendorError(headers={}, litellm_response_headers=headers), NOW) == 5
    assert retry_after.seconds(VendorError(), NOW) == NONE


@pytest.mark.parametrize("headers", [7, "text", [("retry-after", "5")], {"retry-after": object()}])
def test_what_is_no_header_fails_no_request(headers: object) -> None:
    assert retry_after.seconds(VendorError(response=SimpleNamespace(headers=headers)), NOW) in (None, NONE)

"""Send an HTTP request."""

import json
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from flowgate.domain import Value
from flowgate.errors import CheckFailed, InvalidValue, UsageError
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.system.http import Response, is_loopback, redacted_url

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
BodyFormat = Literal["json", "form-urlencoded", "raw"]
CONTENT_TYPES = {"json": "application/json", "form-urlencoded": "application/x-www-form-urlencoded"}
MAX_SECONDS = 1e6
EXCERPT = 300  # characters of an unexpected response that are shown


def uri(
    context: StepContext,
    url: str,
    method: Method = "GET",
    status_code: object = 200,
    headers: dict[str, str] | None = None,
    body: object = None,
    body_format: BodyFormat = "raw",
    return_content: bool = False,
    timeout: float = 30.0,
) -> Result | Change:
    """Send an HTTP request; it fails if the status is not an expected one. Redirects are not followed.

    Args:
        context: Tools and state of this run.
        url: The URL.
        method: The method.
        status_code: The expected status, or a list of them.
        headers: Request headers.
        body: The request body.
        body_format: json (any value), form-urlencoded (a mapping) or raw (a text).
        return_content: Return the response body as `content`.
        timeout: Seconds to connect, and between two parts of the response.

    Returns:
        `status`, `url`, `elapsed` (seconds), `headers` (names in lower case), `json` (if it is JSON), `content`.

    Raises:
        CheckFailed: The status is not an expected one.
        Unreachable: There is no response.
        UsageError: A parameter is invalid.
    """
    _validate(url, timeout)
    expected, data, shown = _statuses(status_code), _encode(body, body_format), redacted_url(url)
    content_type = CONTENT_TYPES.get(body_format) if body is not None else None
    sent = ({"Content-Type": content_type} if content_type else {}) | (headers or {})

    def send(acting: StepContext) -> Facts:
        response = acting.http.request(method, url, data, headers=sent, timeout=timeout)
        facts, message = _facts(response, return_content), f"{method} {shown} returned {response.status}"
        if response.status not in expected:
            log = response.text.strip()[:EXCERPT].splitlines()
            raise CheckFailed(f"{message}, not {' or '.join(map(str, expected))}", log=log, facts=facts)
        return {**facts, "message": message}

    if method == "GET" and is_loopback(url):  # this changes nothing, so check mode sends it too
        facts = dict(send(context))
        return unchanged(str(facts.pop("message")), **facts)
    return change(f"{method} {shown}", send, changes=False)


def _validate(url: str, timeout: float) -> None:
    try:
        parts = urlsplit(url)
        scheme = parts.scheme if parts.hostname and parts.port != 0 else ""
    except ValueError:  # an incomplete IPv6 address, or a port that is no number up to 65535
        scheme = ""
    if scheme not in ("http", "https") or any(one.isspace() or not one.isprintable() for one in url):
        raise UsageError(f"'{url[:60]}' is not an HTTP URL", fix="write: uri: { url: https://… }")
    if not 0 < timeout <= MAX_SECONDS:
        raise InvalidValue("uri.timeout", found=timeout, wanted=f"seconds, above 0 and up to {MAX_SECONDS:g}")


def _statuses(written: Any) -> list[int]:
    listed = written if isinstance(written, (list, tuple)) else [written]
    try:
        return [int(one) for one in listed if not isinstance(one, bool)] or [200]
    except (TypeError, ValueError):
        fix = "write: status_code: [200, 204]"
        raise UsageError("uri.status_code must be a status or a list of them", fix=fix) from None


def _encode(body: object, body_format: BodyFormat) -> bytes | None:
    if body is None:
        return None
    if body_format == "json":
        return (body if isinstance(body, str) else json.dumps(body)).encode()
    if body_format == "form-urlencoded" and isinstance(body, dict):
        return urlencode(body, doseq=True).encode()
    if isinstance(body, str):
        return body.encode()
    raise UsageError("uri.body must be a text", fix="add body_format: json to send another value")


def _facts(response: Response, return_content: bool) -> Facts:
    facts: dict[str, Value] = {
        "status": response.status,
        "url": response.url,
        "elapsed": round(response.seconds, 3),
        "headers": dict(response.headers),
    }
    if "json" in response.headers.get("content-type", ""):
        try:
            facts["json"] = response.json()
        except CheckFailed:
            facts["json"] = None  # the content type is wrong
    return {**facts, "content": response.text} if return_content else facts

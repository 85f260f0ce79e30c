"""Ask an address."""

import json
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from flowgate.errors import CheckFailed, InvalidValue, UsageError
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.system.http import Response, is_loopback, redacted_url

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
LONGEST = 1e6  # seconds
EXCERPT = 300  # characters of an unwelcome answer that are shown


def uri(
    context: StepContext,
    url: str,
    method: Method = "GET",
    status_code: object = 200,
    headers: dict[str, str] | None = None,
    body: object = None,
    body_format: Literal["json", "form-urlencoded", "raw"] = "raw",
    return_content: bool = False,
    timeout: float = 30.0,
) -> Result | Change:
    """Ask an address over HTTP; it fails unless the status is one of those wanted. Redirects are not followed.

    Args:
        context: Tools and state of this run.
        url: The address.
        method: How to ask.
        status_code: The status wanted, or a list of them.
        headers: What to send beside the question.
        body: What to send.
        body_format: Json (any value), form-urlencoded (a mapping) or raw (a text).
        return_content: Keep the answer's text as `content`.
        timeout: Seconds of silence before the answer counts as missing.

    Returns:
        status, url, elapsed (seconds), headers (names in lower case), json (when the answer is JSON),
        content.

    Raises:
        CheckFailed: Another status.
        Unreachable: See the message.
    """
    wanted = _statuses(status_code)
    if _scheme(url) not in ("http", "https"):
        raise UsageError(f"'{url[:60]}' is no address of HTTP", fix="write: uri: { url: https://… }")
    if not 0 < timeout <= LONGEST:
        raise InvalidValue("uri.timeout", found=timeout, wanted=f"seconds, above 0 and up to {LONGEST:g}")
    where = redacted_url(url)
    sent = {**_kinds(body, body_format), **(headers or {})}
    data = _data(body, body_format)

    def ask(r: StepContext) -> Facts:
        answer = r.http.request(method, url, data, headers=sent, timeout=timeout)
        facts = _facts(answer, return_content)
        if answer.status not in wanted:
            what = f"{method} {where} answered {answer.status}, not {' or '.join(map(str, wanted))}"
            raise CheckFailed(what, log=answer.text.strip()[:EXCERPT].splitlines(), facts=facts)
        return {**facts, "message": f"{method} answered {answer.status}"}

    if method == "GET" and is_loopback(url):  # that is looking: a check asks too
        facts = ask(context)
        return unchanged(str(facts.pop("message")), **facts)
    return change(f"{method} {where}", ask, changes=False)


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:  # half of an IPv6 address
        return ""


def _statuses(written: Any) -> list[int]:
    listed = written if isinstance(written, (list, tuple)) else [written]
    try:
        return [int(one) for one in listed if not isinstance(one, bool)] or [200]
    except (TypeError, ValueError):
        fix = "write: status_code: [200, 204]"
        raise UsageError("uri.status_code is a status or a list of them", fix=fix) from None


def _kinds(body: object, body_format: str) -> dict[str, str]:
    kinds = {"json": "application/json", "form-urlencoded": "application/x-www-form-urlencoded"}
    return {"Content-Type": kinds[body_format]} if body is not None and body_format in kinds else {}


def _data(body: object, body_format: str) -> bytes | None:
    if body is None:
        return None
    if body_format == "json":
        return (body if isinstance(body, str) else json.dumps(body)).encode()
    if body_format == "form-urlencoded" and isinstance(body, dict):
        return urlencode(body, doseq=True).encode()
    if isinstance(body, str):
        return body.encode()
    raise UsageError("uri.body must be a text here", fix="write body_format: json beside it to send a value")


def _facts(answer: Response, content: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "status": answer.status,
        "url": answer.url,
        "elapsed": round(answer.seconds, 3),
        "headers": dict(answer.headers),
    }
    if "json" in answer.headers.get("content-type", ""):
        try:
            facts["json"] = answer.json()
        except CheckFailed:
            facts["json"] = None  # it says it is JSON and is not
    return {**facts, "content": answer.text} if content else facts

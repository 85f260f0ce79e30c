"""The response 503 in place of an app's error, when no deployment was to blame for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowgate.request_filter.dialects import Headers, error_response

if TYPE_CHECKING:
    from starlette.types import Message, Scope, Send

    from flowgate.request_filter.recent import RecentRequest

NOT_ASKED = 424  # status of an attempt that was not made, because its deployment cannot be reached
RETRY_AFTER_SECONDS = 5
FOR_BROWSERS = (b"access-control-", b"vary")


def reason(row: RecentRequest, status: int) -> str:
    """Return why a failed request is to get 503; empty when its error came from a deployment or from the client.

    Args:
        row: The request, with its attempts.
        status: Status of the app's response.
    """
    attempts = row.get("attempts")
    if status < 400 or not attempts:
        return ""
    obstacles = [one["obstacle"] for one in attempts if one.get("obstacle")]
    if not obstacles or (status != NOT_ASKED and not attempts[-1].get("obstacle")):
        return ""
    others = [one for one in attempts if one["error"] and not one.get("obstacle") and one["deployment"]]
    failed = "; ".join(dict.fromkeys(f"{one['model']}: {one['status'] or one['error']}" for one in others))
    model = row.get("model") or attempts[0]["model"] or "the model"
    why = "; ".join(dict.fromkeys(obstacles)) + (f" (and {failed})" if failed else "")
    return f"no deployment of {model} can be asked: {why}"


async def send_unavailable(
    scope: Scope, send: Send, why: str, seconds: int = RETRY_AFTER_SECONDS, kept: Headers = ()
) -> None:
    """Send a whole response with status 503 in the client's dialect.

    Args:
        scope: The request.
        send: Where to send it.
        why: The reason, as a sentence without a full stop.
        seconds: What `Retry-After` says.
        kept: Headers of the app's response; those that browsers need are sent too.
    """
    after = [(b"retry-after", str(seconds).encode())]
    after += [(name, value) for name, value in kept if name.lower().startswith(FOR_BROWSERS)]
    made = error_response(scope.get("path", ""), scope.get("headers", ()), 503, "unavailable", why, after)
    start: Message = {"type": "http.response.start", "status": made.status, "headers": made.headers}
    await send(start)
    await send({"type": "http.response.body", "body": made.body})

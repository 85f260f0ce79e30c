"""Errors of a full context window, in the words by which clients recognize them and compact their conversation.

The app passes the vendor's words on, with its own around them and without the code, in whatever API the client speaks.

Source: docs/clients.md; measured over vendors that answer as OpenAI, Anthropic and Gemini do. Codex 0.171 compacts at
`response.failed` with the code `context_length_exceeded` alone, not at status 400. Claude Code 2.1.197 compacts at
"prompt is too long" and reads both numbers. opencode 1.18 and Cline 3.0 know the code and these sentences.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, cast

from flowgate.request_filter import paths, whole_response
from flowgate.request_filter.dialects import dialect

if TYPE_CHECKING:
    from starlette.types import Message, Scope, Send

CODE = "context_length_exceeded"
STATUSES = (400, 413)
PHRASES = re.compile(
    rb"context_length_exceeded|ContextWindowExceededError|prompt is too long|maximum context length|"
    rb"exceeds? the (?:model'?s )?(?:maximum )?context (?:window|length)|exceeds the maximum number of tokens allowed",
    re.IGNORECASE,
)
USED_FIRST = (
    re.compile(r"(\d+) tokens? > (\d+) maximum"),
    re.compile(r"input token count \(?(\d+)\)? exceeds the maximum number of tokens allowed \(?(\d+)"),
)
LIMIT_FIRST = re.compile(r"maximum context length (?:is|of) (\d+) tokens.{0,80}?(\d+)(?: tokens| in the)", re.DOTALL)
OWN_WORDS = re.compile(r"\n+(?:model=|Set 'context_window|\w+: model group).*", re.DOTALL)
EVENTS = (
    b"event: error",
    b"event: response.failed",
    b'data: {"error"',
    b'data: {"type": "error"',
    b'data: {"type":"error"',
)
DATA = re.compile(rb"^data: ?(.*)$", re.MULTILINE)


def translated(scope: Scope, send: Send) -> Send:
    """Return a `send` that puts errors of a full context window into the client's words.

    Args:
        scope: The request; its path and headers say which API the client speaks.
        send: Where the response goes.
    """
    whole = whole_response.changed(send, STATUSES, partial(_whole, scope))

    async def pass_on(message: Message) -> None:
        if (body := message.get("body", b""))[:1] in (b"d", b"e") and body.startswith(EVENTS):
            message = {**message, "body": event(scope, body)}
        await whole(message)

    return pass_on


def _whole(scope: Scope, start: Message, body: bytes) -> tuple[Message, bytes]:
    """Return a whole error response, translated if the context window was full."""
    if not PHRASES.search(body) or paths.asked(paths.meant(scope["path"])) is None:
        return start, body
    status, kind = start["status"], b"application/json"
    if _is_codex(scope) and scope["path"].rstrip("/").endswith("/responses"):
        status, kind, text = 200, b"text/event-stream", _failed_response(body)
    else:
        status, text = 400, json.dumps(_tree(scope, body)).encode()
    kept = [one for one in start.get("headers", ()) if one[0].lower() != b"content-type"]
    return {**start, "status": status, "headers": [*kept, (b"content-type", kind)]}, text


def event(scope: Scope, part: bytes) -> bytes:
    """Return a part of a stream; an error event about the context window is translated.

    Args:
        scope: The request.
        part: The part, which begins an event.
    """
    found = DATA.search(part)
    if found is None or not PHRASES.search(part):
        return part
    try:
        tree = json.loads(found[1])
    except ValueError:
        return part
    if not isinstance(tree, dict):
        return part
    response = tree.get("response")
    if isinstance(response, dict):
        vendors = json.dumps({"error": response.get("error")}).encode()
        response["error"] = {"code": CODE, "message": message_for("responses", vendors)}
    elif isinstance(tree.get("error"), dict):
        tree = _tree(scope, part)
    else:
        return part
    return part[: found.start(1)] + json.dumps(tree).encode() + part[found.end(1) :]


def message_for(api: str, body: bytes) -> str:
    """Return the error's message: the sentence that clients of an API know, and the vendor's own words.

    Args:
        api: "anthropic", "google", "responses" or "openai".
        body: The error as the app has it.
    """
    text = body.decode(errors="replace")
    used, limit = _numbers(text)
    match api:
        case "anthropic":
            known = f"prompt is too long: {used} tokens > {limit} maximum" if used else "prompt is too long"
        case "google" if used:
            known = f"The input token count ({used}) exceeds the maximum number of tokens allowed ({limit})."
        case "google":
            known = "The input token count exceeds the maximum number of tokens allowed."
        case "openai" if used:
            known = f"This model's maximum context length is {limit} tokens. "
            known += f"However, your messages resulted in {used} tokens."
        case _:
            known = "Your input exceeds the context window of this model. Please adjust your input and try again."
    words = _vendor_words(text)
    return known if not words or known.rstrip(".") in words else f"{known} ({words})"


def _tree(scope: Scope, body: bytes) -> dict[str, object]:
    spoken = dialect(scope["path"], scope.get("headers", ()))
    is_responses = scope["path"].rstrip("/").endswith("/responses")
    message = message_for("responses" if is_responses else spoken, body)
    if spoken == "anthropic":
        return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    if spoken == "google":
        return {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}
    param = "input" if is_responses else "messages"
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": CODE}}


def _failed_response(body: bytes) -> bytes:
    """Return the stream that OpenAI sends when the input does not fit."""
    response: dict[str, object] = {"id": "resp_context_window", "object": "response", "created_at": 0}
    response |= {"status": "failed", "output": [], "error": {"code": CODE, "message": message_for("responses", body)}}
    tree = {"type": "response.failed", "sequence_number": 0, "response": response}
    return f"event: response.failed\ndata: {json.dumps(tree)}\n\n".encode()


def _is_codex(scope: Scope) -> bool:
    agents = [value for name, value in scope.get("headers", ()) if name in (b"user-agent", b"originator")]
    return any(value.lower().startswith(b"codex") for value in agents)


def _numbers(text: str) -> tuple[str, str]:
    """Return how many tokens were sent and how many fit; empty if the vendor did not say."""
    for pattern in USED_FIRST:
        if found := pattern.search(text):
            return found[1], found[2]
    found = LIMIT_FIRST.search(text)
    return (found[2], found[1]) if found else ("", "")


def _vendor_words(text: str) -> str:
    """Return the innermost message of an error, without what the app adds."""
    message = _message(text)
    while (start := message.find("{")) >= 0 and (inner := _message(message[start:])) not in (message, message[start:]):
        message = inner
    return re.sub(r"^(?:\w+\.)?(?:\w+(?:Error|Exception)(?::| -) ?(?:\w+\.(?=\w))?)+", "", message).strip()[:300]


def _message(text: str) -> str:
    """Return the message of an error object at the start of a text; the text if there is none."""
    found = DATA.search(text.encode()) if text.startswith(("event:", "data:")) else None
    text = found[1].decode(errors="replace") if found else text
    try:
        tree, _ = json.JSONDecoder().raw_decode(OWN_WORDS.sub("", text))
    except ValueError:
        return OWN_WORDS.sub("", text)
    error = cast("dict[str, object]", tree).get("error") if isinstance(tree, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return OWN_WORDS.sub("", message) if isinstance(message, str) else text

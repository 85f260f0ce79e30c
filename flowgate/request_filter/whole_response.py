"""Responses that are changed as a whole: their messages are collected until the end."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message, Send

Change = Callable[["Message", bytes], tuple["Message", bytes]]  # of a response's start and its body


def changed(send: Send, statuses: Collection[int], change: Change) -> Send:
    """Return a `send` that changes whole responses; those with another status pass as they come.

    Args:
        send: Takes the messages of the response.
        statuses: The statuses of the responses that are changed.
        change: Returns the start and the body to send.
    """
    waiting: list[Message] = []
    parts: list[bytes] = []

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in statuses:
            waiting.append(message)
        elif waiting and message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                start, body = change(waiting.pop(), b"".join(parts))
                kept = [one for one in start.get("headers", ()) if one[0].lower() != b"content-length"]
                await send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
                await send({"type": "http.response.body", "body": body})
        else:
            await send(message)

    return collect


def with_body(send: Send, change: Callable[[bytes], bytes]) -> Send:
    """Return a `send` that changes the body of a response with status 200.

    Args:
        send: Takes the messages of the response.
        change: Returns the body to send.
    """
    return changed(send, (200,), lambda start, body: (start, change(body)))

"""A request to a model endpoint, and the responses to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse

from flowgate.embedded_upstream import dialects
from flowgate.embedded_upstream.dialects import Completion
from flowgate.embedded_upstream.json_data import JsonObject, mapping, parse_object
from flowgate.embedded_upstream.responses import CORS, RELAYED, error_body, in_dialect, reply
from flowgate.embedded_upstream.usage import NO_TOKENS, Tokens
from flowgate.embedded_upstream.versions import Contract

DIALECTS: dict[str, tuple[Callable[[Completion], JsonObject], Callable[[Completion, bool], Iterator[str]]]] = {
    "/v1/chat/completions": (dialects.chat, dialects.chat_stream),
    "/v1/completions": (dialects.completion, dialects.completion_stream),
    "/v1/messages": (dialects.messages, dialects.messages_stream),
    "/v1/responses": (dialects.responses, dialects.responses_stream),
}
PACE = re.compile(r"\(take (\d+(?:\.\d+)?) s\)")  # in a prompt: the duration of the stream
LONGEST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A client's request.

    Attributes:
        path: The endpoint.
        body: The request's JSON.
        client_key: The client's key; empty for none.
    """

    path: str
    body: JsonObject
    client_key: str = ""

    @property
    def model(self) -> str:
        """The requested model; empty if it is missing or no text."""
        model = self.body.get("model")
        return model if isinstance(model, str) else ""

    @property
    def streamed(self) -> bool:
        """Whether the response is streamed."""
        return bool(self.body.get("stream"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of sending a request with one credential.

    Attributes:
        status: The vendor's status; 0 if it was not reached.
        response: The response for the client.
        message: The vendor's error, shown as `status_message` in `/auth-files`.
        tokens: The tokens that were counted.
    """

    status: int
    response: Response
    message: str = ""
    tokens: Tokens = NO_TOKENS


def render(request: CompletionRequest, completion: Completion) -> Response:
    """Build the successful response in the endpoint's format."""
    if not request.streamed:
        return reply(DIALECTS[request.path][0](completion), media_type=RELAYED)
    pace, stream = PACE.search(dialects.last_prompt(request.body)), events(request, completion)
    lines = _paced(stream, min(float(pace[1]), LONGEST_SECONDS)) if pace else iter(stream)
    return StreamingResponse(lines, media_type="text/event-stream", headers=CORS)


def events(request: CompletionRequest, completion: Completion) -> list[str]:
    """Return the events of a streamed response."""
    with_usage = bool(mapping(request.body.get("stream_options")).get("include_usage"))
    return list(DIALECTS[request.path][1](completion, with_usage))


async def _paced(stream: list[str], seconds: float) -> AsyncIterator[str]:
    """Spread the events of a stream evenly over some seconds."""
    for event in stream:
        yield event
        await asyncio.sleep(seconds / len(stream))


def vendor_error(request: CompletionRequest, status: int, data: bytes, contract: Contract) -> Outcome:
    """Pass a vendor's error on: a JSON object unchanged, anything else as the message of an error.

    Args:
        request: The client's request.
        status: The vendor's status.
        data: The vendor's response.
        contract: The line to imitate.
    """
    message, body = data.decode(errors="replace"), parse_object(data)
    original = error_body(message, status) if body is None else body
    converted = in_dialect(original, status, request.path, contract)
    if converted is body:
        return Outcome(status, Response(data, status, headers={**CORS, "content-type": RELAYED}), message)
    return Outcome(status, reply(converted, status, RELAYED), message)

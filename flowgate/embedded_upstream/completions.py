"""A request to a model endpoint, and the responses to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse

from flowgate.embedded_upstream import chat_format, gemini_format, messages_format, responses_format
from flowgate.embedded_upstream.answers import Answer, last_prompt
from flowgate.embedded_upstream.json_data import JsonObject, mapping, parse_object
from flowgate.embedded_upstream.responses import CORS, RELAYED, error_body, in_dialect, reply
from flowgate.embedded_upstream.usage import NO_TOKENS, Tokens
from flowgate.embedded_upstream.versions import Contract

GEMINI = "/v1beta"
FORMATS: dict[str, tuple[Callable[[Answer], JsonObject], Callable[[Answer, bool], Iterator[str]]]] = {
    "/v1/chat/completions": (chat_format.chat, chat_format.chat_stream),
    "/v1/completions": (chat_format.completion, chat_format.completion_stream),
    "/v1/messages": (messages_format.messages, messages_format.messages_stream),
    "/v1/responses": (responses_format.responses, responses_format.responses_stream),
    GEMINI: (gemini_format.gemini, gemini_format.gemini_stream),
}
PACE = re.compile(r"\(take (\d+(?:\.\d+)?) s\)")  # in a prompt: the duration of the stream
LONGEST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A client's request.

    Attributes:
        path: The endpoint, one of `FORMATS`.
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


def render(request: CompletionRequest, answer: Answer) -> Response:
    """Build the successful response in the endpoint's format."""
    if not request.streamed:
        return reply(FORMATS[request.path][0](answer), media_type=RELAYED)
    pace, stream = PACE.search(last_prompt(request.body)), events(request, answer)
    lines = _paced(stream, min(float(pace[1]), LONGEST_SECONDS)) if pace else iter(stream)
    return StreamingResponse(lines, media_type="text/event-stream", headers=CORS)


def events(request: CompletionRequest, answer: Answer) -> list[str]:
    """Return the events of a streamed response."""
    with_usage = bool(mapping(request.body.get("stream_options")).get("include_usage"))
    return list(FORMATS[request.path][1](answer, with_usage))


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

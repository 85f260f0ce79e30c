"""Model responses in the formats of the four endpoints; equal requests get equal responses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from flowgate.embedded_upstream.json_data import Json, JsonObject, objects, text
from flowgate.embedded_upstream.usage import Tokens

CREATED = 1_700_000_000  # a constant keeps responses equal
QUOTED_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer to one prompt.

    Attributes:
        model: The model that was requested.
        text: The answer.
        digest: Identifies the request; part of the response's ids.
        tokens: Words of the prompt and of the answer, counted as tokens.
    """

    model: str
    text: str
    digest: str
    tokens: Tokens

    def pieces(self) -> list[str]:
        """Split the text into the pieces of a stream: one word each."""
        first, *rest = self.text.split(" ")
        return [first, *(f" {word}" for word in rest)]


def complete(body: JsonObject, account: str = "") -> Completion:
    """Answer a request in any of the four formats.

    Args:
        body: The request.
        account: The account that is used; empty for none.
    """
    prompt = " ".join(last_prompt(body).split())[:QUOTED_CHARACTERS]
    model = str(body.get("model", ""))
    through = f" through {account}" if account else ""
    quoted = json.dumps(prompt, ensure_ascii=False)
    answer = f"This is FlowGate's embedded upstream answering for {model}{through}. You asked: {quoted}"
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:24]
    return Completion(model, answer, digest, Tokens(max(1, len(prompt.split())), len(answer.split())))


def last_prompt(body: JsonObject) -> str:
    """Return the last text of the user in `messages`, `input` or `prompt`."""
    value = body.get("messages") or body.get("input") or body.get("prompt")
    if isinstance(value, list):
        users = [one for one in value if not isinstance(one, dict) or one.get("role", "user") == "user"]
        value = users[-1] if users else ""
    if isinstance(value, dict):
        value = value.get("content", "")
    if isinstance(value, list):
        return " ".join(str(part.get("text", "")) for part in objects(value))
    return text(value)


def event(data: JsonObject, name: str = "") -> str:
    """Format a server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n"


# --- chat/completions and completions


def chat(one: Completion) -> JsonObject:
    """Build the response of `/v1/chat/completions`."""
    message: JsonObject = {"role": "assistant", "content": one.text}
    choice: JsonObject = {"index": 0, "message": message, "finish_reason": "stop"}
    return {**_head("chatcmpl", "chat.completion", one), "choices": [choice], "usage": _usage(one)}


def completion(one: Completion) -> JsonObject:
    """Build the response of `/v1/completions`."""
    return {**_head("cmpl", "text_completion", one), "choices": [_text_choice(one.text, "stop")], "usage": _usage(one)}


def _head(prefix: str, kind: str, one: Completion) -> JsonObject:
    return {"id": f"{prefix}-{one.digest}", "object": kind, "created": CREATED, "model": one.model}


def _text_choice(content: str, finish: str | None) -> JsonObject:
    return {"index": 0, "text": content, "finish_reason": finish, "logprobs": None}


def _usage(one: Completion) -> JsonObject:
    prompt, answer = one.tokens
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def chat_stream(one: Completion, with_usage: bool) -> Iterator[str]:
    """Build the events of `/v1/chat/completions`."""
    head = _head("chatcmpl", "chat.completion.chunk", one)

    def chunk(delta: JsonObject, finish: str | None = None) -> str:
        return event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    yield chunk({"role": "assistant", "content": ""})
    for piece in one.pieces():
        yield chunk({"content": piece})
    yield chunk({}, "stop")
    if with_usage:
        yield event({**head, "choices": [], "usage": _usage(one)})
    yield "data: [DONE]\n\n"


def completion_stream(one: Completion, with_usage: bool) -> Iterator[str]:
    """Build the events of `/v1/completions`."""
    head = _head("cmpl", "text_completion", one)
    for piece in one.pieces():
        yield event({**head, "choices": [_text_choice(piece, None)]})
    yield event({**head, "choices": [_text_choice("", "stop")]})
    yield "data: [DONE]\n\n"


# --- messages


def messages(one: Completion) -> JsonObject:
    """Build the response of `/v1/messages`."""
    return {
        "id": f"msg_{one.digest}",
        "type": "message",
        "role": "assistant",
        "model": one.model,
        "content": [{"type": "text", "text": one.text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": one.tokens.input, "output_tokens": one.tokens.output},
    }


def messages_stream(one: Completion, with_usage: bool) -> Iterator[str]:
    """Build the events of `/v1/messages`."""
    usage: JsonObject = {"input_tokens": one.tokens.input, "output_tokens": 0}
    message: JsonObject = {**messages(one), "content": [], "stop_reason": None, "usage": usage}
    events: list[JsonObject] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(_text_delta(piece) for piece in one.pieces()),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": one.tokens.output},
        },
        {"type": "message_stop"},
    ]
    for data in events:
        yield event(data, str(data["type"]))


def _text_delta(piece: str) -> JsonObject:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}


# --- responses


def responses(one: Completion, status: str = "completed") -> JsonObject:
    """Build the response of `/v1/responses`.

    Args:
        one: The answer.
        status: `completed`, or `in_progress` for the first events of a stream.
    """
    prompt, answer = one.tokens
    usage: JsonObject = {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": answer,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + answer,
    }
    completed = status == "completed"
    return {
        "id": f"resp_{one.digest}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "model": one.model,
        "output": [_item(one, "completed")] if completed else [],
        "usage": usage if completed else None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
    }


def _item(one: Completion, status: str) -> JsonObject:
    content: list[Json] = [_part(one.text)] if status == "completed" else []
    return {"id": f"msg_{one.digest}", "type": "message", "status": status, "role": "assistant", "content": content}


def _part(content: str) -> JsonObject:
    return {"type": "output_text", "text": content, "annotations": []}


def responses_stream(one: Completion, with_usage: bool) -> Iterator[str]:
    """Build the events of `/v1/responses`."""
    place: JsonObject = {"item_id": f"msg_{one.digest}", "output_index": 0, "content_index": 0}
    steps: list[tuple[str, JsonObject]] = [
        ("response.created", {"response": responses(one, "in_progress")}),
        ("response.in_progress", {"response": responses(one, "in_progress")}),
        ("response.output_item.added", {"output_index": 0, "item": _item(one, "in_progress")}),
        ("response.content_part.added", {**place, "part": _part("")}),
        *(("response.output_text.delta", {**place, "delta": piece}) for piece in one.pieces()),
        ("response.output_text.done", {**place, "text": one.text}),
        ("response.content_part.done", {**place, "part": _part(one.text)}),
        ("response.output_item.done", {"output_index": 0, "item": _item(one, "completed")}),
        ("response.completed", {"response": responses(one)}),
    ]
    for number, (name, data) in enumerate(steps):
        yield event({"type": name, "sequence_number": number, **data}, name)

"""Answers in the formats of `/v1/chat/completions` and `/v1/completions`."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.embedded_upstream.answers import CREATED, Answer, split
from flowgate.embedded_upstream.events import DONE, event
from flowgate.embedded_upstream.json_data import JsonObject
from flowgate.embedded_upstream.tools import CUSTOM, Call


def chat(one: Answer) -> JsonObject:
    """Build the response of `/v1/chat/completions`."""
    message: JsonObject = {"role": "assistant", "content": one.text if one.text or not one.calls else None}
    if one.thoughts:
        message["reasoning_content"] = one.thoughts
    if one.calls:
        message["tool_calls"] = [_tool_call(call) for call in one.calls]
    choices: list[JsonObject] = [
        {"index": number, "message": message, "finish_reason": finish_reason(one)}
        for number in range(one.wishes.choices)
    ]
    return {**_head("chatcmpl", "chat.completion", one), "choices": [*choices], "usage": usage(one)}


def finish_reason(one: Answer) -> str:
    """Return why the answer ended."""
    return "length" if one.is_cut else "tool_calls" if one.calls else "stop"


def _tool_call(call: Call, arguments: str | None = None) -> JsonObject:
    """Build a call.

    Args:
        call: The call.
        arguments: The arguments so far; None for all.
    """
    given = call.arguments if arguments is None else arguments
    if call.tool.kind == CUSTOM:
        kind: JsonObject = {"type": "custom", "custom": {"name": call.tool.name, "input": given}}
    else:
        kind = {"type": "function", "function": {"name": call.tool.name, "arguments": given}}
    return {"id": f"call_embedded_{call.key}", **kind}


def completion(one: Answer) -> JsonObject:
    """Build the response of `/v1/completions`."""
    choice = _text_choice(one.text, "length" if one.is_cut else "stop")
    return {**_head("cmpl", "text_completion", one), "choices": [choice], "usage": usage(one)}


def _head(prefix: str, kind: str, one: Answer) -> JsonObject:
    return {"id": f"{prefix}-{one.digest}", "object": kind, "created": CREATED, "model": one.model}


def _text_choice(content: str, finish: str | None) -> JsonObject:
    return {"index": 0, "text": content, "finish_reason": finish, "logprobs": None}


def usage(one: Answer) -> JsonObject:
    """Build the usage."""
    tokens = one.tokens
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.total,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def chat_stream(one: Answer, with_usage: bool) -> Iterator[str]:
    """Build the events of `/v1/chat/completions`."""
    head = _head("chatcmpl", "chat.completion.chunk", one)
    for number in range(one.wishes.choices):
        for delta in _deltas(one):
            yield event({**head, "choices": [{"index": number, "delta": delta, "finish_reason": None}]})
        yield event({**head, "choices": [{"index": number, "delta": {}, "finish_reason": finish_reason(one)}]})
    if with_usage:
        yield event({**head, "choices": [], "usage": usage(one)})
    yield DONE


def _deltas(one: Answer) -> Iterator[JsonObject]:
    yield {"role": "assistant", "content": None if one.calls and not one.text else ""}
    for piece in split(one.thoughts):
        yield {"reasoning_content": piece}
    for piece in one.pieces():
        yield {"content": piece}
    for number, call in enumerate(one.calls):
        yield {"tool_calls": [{"index": number, **_tool_call(call, "")}]}
        kind, name = ("custom", "input") if call.tool.kind == CUSTOM else ("function", "arguments")
        for piece in call.fragments():
            yield {"tool_calls": [{"index": number, kind: {name: piece}}]}


def completion_stream(one: Answer, with_usage: bool) -> Iterator[str]:
    """Build the events of `/v1/completions`."""
    head = _head("cmpl", "text_completion", one)
    for piece in one.pieces():
        yield event({**head, "choices": [_text_choice(piece, None)]})
    yield event({**head, "choices": [_text_choice("", "length" if one.is_cut else "stop")]})
    if with_usage:
        yield event({**head, "choices": [], "usage": usage(one)})
    yield DONE

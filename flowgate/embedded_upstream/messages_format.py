"""Answers in the format of `/v1/messages`."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from flowgate.embedded_upstream.answers import Answer, split
from flowgate.embedded_upstream.events import event
from flowgate.embedded_upstream.json_data import JsonObject


def messages(one: Answer) -> JsonObject:
    """Build the response of `/v1/messages`."""
    return {
        "id": f"msg_{one.digest}",
        "type": "message",
        "role": "assistant",
        "model": one.model,
        "content": [*_blocks(one)],
        "stop_reason": _stop_reason(one),
        "stop_sequence": one.stop or None,
        "usage": {**_input(one), "output_tokens": one.tokens.output},
    }


def _blocks(one: Answer) -> Iterator[JsonObject]:
    if one.thoughts:
        yield {"type": "thinking", "thinking": one.thoughts, "signature": _signature(one)}
    if one.text or not one.calls:
        yield {"type": "text", "text": one.text}
    for call in one.calls:
        key = f"toolu_embedded_{call.key}"
        yield {"type": "tool_use", "id": key, "name": call.tool.name, "input": call.values}


def _signature(one: Answer) -> str:
    return base64.b64encode(f"embedded upstream {one.digest}".encode()).decode()


def _stop_reason(one: Answer) -> str:
    if one.is_cut:
        return "max_tokens"
    if one.calls:
        return "tool_use"
    return "stop_sequence" if one.stop else "end_turn"


def _input(one: Answer) -> JsonObject:
    """Build the usage of the request: what was cached is not part of `input_tokens` there."""
    cached = one.tokens.cached
    return {
        "input_tokens": one.tokens.input - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
    }


def messages_stream(one: Answer, with_usage: bool) -> Iterator[str]:
    """Build the events of `/v1/messages`."""
    for data in _events(one):
        yield event(data, str(data["type"]))


def _events(one: Answer) -> Iterator[JsonObject]:
    usage: JsonObject = {**_input(one), "output_tokens": 0}
    yield {
        "type": "message_start",
        "message": {**messages(one), "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage},
    }
    for number, block in enumerate(_blocks(one)):
        yield {"type": "content_block_start", "index": number, "content_block": _empty(block)}
        for delta in _deltas(one, block):
            yield {"type": "content_block_delta", "index": number, "delta": delta}
        yield {"type": "content_block_stop", "index": number}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": _stop_reason(one), "stop_sequence": one.stop or None},
        "usage": {**_input(one), "output_tokens": one.tokens.output},
    }
    yield {"type": "message_stop"}


def _empty(block: JsonObject) -> JsonObject:
    """Return a block as its stream begins."""
    empty: JsonObject = {"thinking": "", "signature": "", "text": "", "input": {}}
    return {
        name: empty.get(name, value) if name != block["type"] or name in empty else value
        for name, value in block.items()
    }


def _deltas(one: Answer, block: JsonObject) -> Iterator[JsonObject]:
    match block["type"]:
        case "thinking":
            for piece in split(one.thoughts):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "text":
            for piece in one.pieces():
                yield {"type": "text_delta", "text": piece}
        case _:
            call = next(call for call in one.calls if block["id"] == f"toolu_embedded_{call.key}")
            yield {"type": "input_json_delta", "partial_json": ""}
            for piece in call.fragments():
                yield {"type": "input_json_delta", "partial_json": piece}

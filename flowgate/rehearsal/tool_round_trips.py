"""One round trip through a tool over each protocol: the model calls it, gets its result, and answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

TOOL = "flowgate_smoke"
RESULT = "the tool works"
PROMPT = f"Call the tool {TOOL} once, then tell me in one short sentence what it returned."
SCHEMA = {"type": "object", "properties": {"word": {"type": "string", "enum": ["ready"]}}, "required": ["word"]}
DESCRIPTION = "Returns a sentence."
Body = Any  # a request or response in JSON: its shape is checked by reading it


class RoundTrip(NamedTuple):
    """How one protocol is spoken.

    Attributes:
        path: The endpoint.
        ask: Builds the first request for a model.
        arguments: Reads the arguments of the call from the first response.
        hand_back: Builds the second request from the first one and its response.
        text: Reads the answer from the second response.
    """

    path: str
    ask: Callable[[str], Body]
    arguments: Callable[[Body], Any]
    hand_back: Callable[[Body, Body], Body]
    text: Callable[[Body], object]


def _declared(**schema: object) -> Body:
    return {"name": TOOL, "description": DESCRIPTION, **schema}


def _ask_chat(model: str) -> Body:
    tools = [{"type": "function", "function": _declared(parameters=SCHEMA)}]
    messages = [{"role": "user", "content": PROMPT}]
    return {"model": model, "messages": messages, "max_tokens": 200, "tools": tools, "tool_choice": "required"}


def _back_chat(asked: Body, body: Body) -> Body:
    message = body["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": RESULT}
    return _unforced(asked) | {"messages": [*asked["messages"], message, result]}


def _ask_messages(model: str) -> Body:
    messages = [{"role": "user", "content": PROMPT}]
    tools, choice = [_declared(input_schema=SCHEMA)], {"type": "any"}
    return {"model": model, "messages": messages, "max_tokens": 200, "tools": tools, "tool_choice": choice}


def _used(body: Body) -> Body:
    return next(part for part in body["content"] if part.get("type") == "tool_use")


def _back_messages(asked: Body, body: Body) -> Body:
    result = {"type": "tool_result", "tool_use_id": _used(body)["id"], "content": RESULT}
    answer, handed = {"role": "assistant", "content": body["content"]}, {"role": "user", "content": [result]}
    return _unforced(asked) | {"messages": [*asked["messages"], answer, handed]}


def _ask_responses(model: str) -> Body:
    tools = [{"type": "function", **_declared(parameters=SCHEMA)}]
    given = [{"role": "user", "content": PROMPT}]
    return {"model": model, "input": given, "max_output_tokens": 200, "tools": tools, "tool_choice": "required"}


def _called(body: Body) -> Body:
    return next(item for item in body["output"] if item.get("type") == "function_call")


def _back_responses(asked: Body, body: Body) -> Body:
    result = {"type": "function_call_output", "call_id": _called(body)["call_id"], "output": RESULT}
    return _unforced(asked) | {"input": [*asked["input"], *body["output"], result]}


def _unforced(asked: Body) -> Body:
    return {name: value for name, value in asked.items() if name != "tool_choice"}


def responses_text(body: Mapping[str, Any]) -> object:
    """Return the text of a response of `/v1/responses`."""
    message = next(item for item in body["output"] if item.get("type") == "message")
    return "".join(part.get("text", "") for part in message["content"])


ROUND_TRIPS = {
    "chat": RoundTrip(
        "/v1/chat/completions",
        _ask_chat,
        lambda body: json.loads(body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]),
        _back_chat,
        lambda body: body["choices"][0]["message"]["content"],
    ),
    "messages": RoundTrip(
        "/v1/messages",
        _ask_messages,
        lambda body: _used(body)["input"],
        _back_messages,
        lambda body: next(part["text"] for part in body["content"] if part.get("type") == "text"),
    ),
    "responses": RoundTrip(
        "/v1/responses",
        _ask_responses,
        lambda body: json.loads(_called(body)["arguments"]),
        _back_responses,
        responses_text,
    ),
}

"""Answers in the shapes of the four dialects; the same question gets the same answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CREATED = 1_700_000_000  # a fixed date keeps answers the same
SHOWN = 200  # characters of the question that are repeated

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to one question. digest: names the question; asked, said: words counted as tokens."""

    model: str
    text: str
    digest: str
    asked: int
    said: int

    def pieces(self) -> list[str]:
        """Give the text word by word, as a stream brings it."""
        words = self.text.split(" ")
        return [word if i == 0 else f" {word}" for i, word in enumerate(words)]


def answer(body: Tree, through: str = "") -> Answer:
    """Answer a question of any dialect.

    Args:
        through: The account it goes through; empty for none.
    """
    question = " ".join(last_question(body).split())[:SHOWN]
    model = str(body.get("model", ""))
    account = f" through {through}" if through else ""
    quoted = json.dumps(question, ensure_ascii=False)
    text = f"This is FlowGate's embedded upstream answering for {model}{account}. You asked: {quoted}"
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:24]
    return Answer(model, text, digest, max(1, len(question.split())), len(text.split()))


def last_question(body: Tree) -> str:
    """Find the text asked last: `messages`, `input` or `prompt`, as text or as parts."""
    said = body.get("messages") or body.get("input") or body.get("prompt") or ""
    if isinstance(said, list):
        asked = [one for one in said if not isinstance(one, dict) or one.get("role", "user") == "user"]
        said = asked[-1] if asked else ""
    if isinstance(said, dict):
        said = said.get("content", "")
    if isinstance(said, list):
        return " ".join(str(part.get("text", "")) for part in said if isinstance(part, dict))
    return str(said)


def event(data: Tree, name: str = "") -> str:
    """Write one server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n"


# --- chat/completions and completions


def chat(one: Answer) -> Tree:
    """Answer `/v1/chat/completions`."""
    message = {"role": "assistant", "content": one.text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    head = {"id": f"chatcmpl-{one.digest}", "object": "chat.completion", "created": CREATED, "model": one.model}
    return {**head, "choices": [choice], "usage": _usage(one)}


def completion(one: Answer) -> Tree:
    """Answer `/v1/completions`."""
    choice = {"index": 0, "text": one.text, "finish_reason": "stop", "logprobs": None}
    head = {"id": f"cmpl-{one.digest}", "object": "text_completion", "created": CREATED, "model": one.model}
    return {**head, "choices": [choice], "usage": _usage(one)}


def _usage(one: Answer) -> Tree:
    return {"prompt_tokens": one.asked, "completion_tokens": one.said, "total_tokens": one.asked + one.said}


def chat_stream(one: Answer, with_usage: bool) -> Iterator[str]:
    """Stream `/v1/chat/completions`."""
    head = {"id": f"chatcmpl-{one.digest}", "object": "chat.completion.chunk", "created": CREATED, "model": one.model}

    def chunk(delta: Tree, finish: str | None = None) -> str:
        return event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    yield chunk({"role": "assistant", "content": ""})
    for piece in one.pieces():
        yield chunk({"content": piece})
    yield chunk({}, "stop")
    if with_usage:
        yield event({**head, "choices": [], "usage": _usage(one)})
    yield "data: [DONE]\n\n"


def completion_stream(one: Answer, with_usage: bool) -> Iterator[str]:
    """Stream `/v1/completions`."""
    head = {"id": f"cmpl-{one.digest}", "object": "text_completion", "created": CREATED, "model": one.model}
    for piece in one.pieces():
        yield event({**head, "choices": [{"index": 0, "text": piece, "finish_reason": None, "logprobs": None}]})
    yield event({**head, "choices": [{"index": 0, "text": "", "finish_reason": "stop", "logprobs": None}]})
    yield "data: [DONE]\n\n"


# --- messages


def messages(one: Answer) -> Tree:
    """Answer `/v1/messages`."""
    head = {"id": f"msg_{one.digest}", "type": "message", "role": "assistant", "model": one.model}
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    usage = {"input_tokens": one.asked, "output_tokens": one.said}
    return {**head, "content": [{"type": "text", "text": one.text}], **ending, "usage": usage}


def messages_stream(one: Answer, with_usage: bool) -> Iterator[str]:
    """Stream `/v1/messages`."""
    begin = messages(one) | {
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": one.asked, "output_tokens": 0},
    }
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield event({"type": "message_start", "message": begin}, "message_start")
    yield event(block, "content_block_start")
    for piece in one.pieces():
        delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
        yield event(delta, "content_block_delta")
    yield event({"type": "content_block_stop", "index": 0}, "content_block_stop")
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    yield event({"type": "message_delta", "delta": ending, "usage": {"output_tokens": one.said}}, "message_delta")
    yield event({"type": "message_stop"}, "message_stop")


# --- responses


def responses(one: Answer, status: str = "completed") -> Tree:
    """Answer `/v1/responses`."""
    done = status == "completed"
    head = {"id": f"resp_{one.digest}", "object": "response", "created_at": CREATED, "status": status}
    usage = {
        "input_tokens": one.asked,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": one.said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": one.asked + one.said,
    }
    rest = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None, "incomplete_details": None}
    output = [_item(one, "completed")] if done else []
    return {**head, "model": one.model, "output": output, "usage": usage if done else None, **rest}


def _item(one: Answer, status: str) -> Tree:
    content = [_part(one.text)] if status == "completed" else []
    return {"id": f"msg_{one.digest}", "type": "message", "status": status, "role": "assistant", "content": content}


def _part(text: str) -> Tree:
    return {"type": "output_text", "text": text, "annotations": []}


def responses_stream(one: Answer, with_usage: bool) -> Iterator[str]:
    """Stream `/v1/responses`."""
    where = {"item_id": f"msg_{one.digest}", "output_index": 0, "content_index": 0}
    steps: list[tuple[str, Tree]] = [
        ("response.created", {"response": responses(one, "in_progress")}),
        ("response.in_progress", {"response": responses(one, "in_progress")}),
        ("response.output_item.added", {"output_index": 0, "item": _item(one, "in_progress")}),
        ("response.content_part.added", {**where, "part": _part("")}),
        *(("response.output_text.delta", {**where, "delta": piece}) for piece in one.pieces()),
        ("response.output_text.done", {**where, "text": one.text}),
        ("response.content_part.done", {**where, "part": _part(one.text)}),
        ("response.output_item.done", {"output_index": 0, "item": _item(one, "completed")}),
        ("response.completed", {"response": responses(one)}),
    ]
    for number, (name, data) in enumerate(steps):
        yield event({"type": name, "sequence_number": number, **data}, name)

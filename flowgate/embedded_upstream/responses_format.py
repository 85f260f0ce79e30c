"""Answers in the format of `/v1/responses`."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.embedded_upstream.answers import CREATED, Answer
from flowgate.embedded_upstream.events import event
from flowgate.embedded_upstream.json_data import Json, JsonObject
from flowgate.embedded_upstream.responses_items import Step, items


def responses(one: Answer, *, done: bool = True) -> JsonObject:
    """Build the response of `/v1/responses`.

    Args:
        one: The answer.
        done: Whether the answer is complete, or its stream begins.
    """
    output: list[Json] = [item.content() for item in items(one)] if done else []
    return {
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        **one.echo,
        "id": f"resp_{one.digest}",
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress" if not done else "incomplete" if one.is_cut else "completed",
        "model": one.model,
        "output": output,
        "usage": _usage(one) if done else None,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if done and one.is_cut else None,
    }


def _usage(one: Answer) -> JsonObject:
    tokens = one.tokens
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.total,
    }


def responses_stream(one: Answer, with_usage: bool) -> Iterator[str]:
    """Build the events of `/v1/responses`."""
    for number, (name, data) in enumerate(_steps(one)):
        yield event({"type": name, "sequence_number": number, **data}, name)


def _steps(one: Answer) -> Iterator[Step]:
    begun: JsonObject = {"response": responses(one, done=False)}
    yield "response.created", begun
    yield "response.in_progress", begun
    for index, item in enumerate(items(one)):
        yield "response.output_item.added", {"output_index": index, "item": item.content(done=False)}
        yield from item.steps(index)
        yield "response.output_item.done", {"output_index": index, "item": item.content()}
    yield f"response.{'incomplete' if one.is_cut else 'completed'}", {"response": responses(one)}

"""Answers in the format of `/v1beta/models/NAME:generateContent`."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.embedded_upstream.answers import Answer
from flowgate.embedded_upstream.events import event
from flowgate.embedded_upstream.json_data import Json, JsonObject


def gemini(one: Answer) -> JsonObject:
    """Build the response of `:generateContent`."""
    parts: list[JsonObject] = [{"text": one.thoughts, "thought": True}] if one.thoughts else []
    parts += [{"text": one.text}] if one.text or not one.calls else []
    return _response(one, [*parts, *_calls(one)], finish="MAX_TOKENS" if one.is_cut else "STOP")


def _calls(one: Answer) -> list[JsonObject]:
    return [
        {"functionCall": {"id": f"call_embedded_{call.key}", "name": call.tool.name, "args": call.values}}
        for call in one.calls
    ]


def _response(one: Answer, parts: list[JsonObject], finish: str = "") -> JsonObject:
    content: JsonObject = {"role": "model", "parts": [*parts]}
    end: JsonObject = {"finishReason": finish} if finish else {}
    candidates: list[Json] = [{"content": content, **end, "index": index} for index in range(one.wishes.choices)]
    tokens = one.tokens
    usage: JsonObject = {
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "totalTokenCount": tokens.total,
        "cachedContentTokenCount": tokens.cached,
        "thoughtsTokenCount": tokens.reasoning,
    }
    return {
        "candidates": candidates,
        "usageMetadata": usage,
        "modelVersion": one.model,
        "responseId": one.digest,
    }


def gemini_stream(one: Answer, with_usage: bool) -> Iterator[str]:
    """Build the events of `:streamGenerateContent?alt=sse`."""
    if one.thoughts:
        yield event(_response(one, [{"text": one.thoughts, "thought": True}]))
    for piece in one.pieces():
        yield event(_response(one, [{"text": piece}]))
    yield event(_response(one, _calls(one) or [{"text": ""}], finish="MAX_TOKENS" if one.is_cut else "STOP"))

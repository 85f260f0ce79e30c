"""Reading a streamed chat completion."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TypedDict

from flowgate.errors import CheckFailed


class Delta(TypedDict, total=False):
    """What a chunk adds to an answer."""

    content: str | None


class Choice(TypedDict, total=False):
    """One of the answers in a chunk."""

    delta: Delta | None
    finish_reason: str | None


class Chunk(TypedDict, total=False):
    """A part of a streamed answer, as far as FlowGate reads it."""

    choices: list[Choice]
    error: object


def chunks(lines: Iterable[str]) -> Iterator[Chunk]:
    """Yield the chunks of a stream as they arrive, up to its `[DONE]`.

    Raises:
        CheckFailed: The stream contains an error or ends without `[DONE]`.
    """
    for line in lines:
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if data == "[DONE]":
            return
        chunk: Chunk = json.loads(data) if data else {}
        if "error" in chunk:
            raise CheckFailed(f"the stream broke off: {str(chunk['error'])[:200]}")
        yield chunk
    raise CheckFailed("the stream ended without [DONE]")


def chunk_text(chunk: Chunk) -> str:
    """Return the text that a chunk adds to the answer."""
    return "".join((choice.get("delta") or {}).get("content") or "" for choice in chunk.get("choices", ()))

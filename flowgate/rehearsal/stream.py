"""Reading a streamed chat completion."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from flowgate.domain import Tree
from flowgate.errors import CheckFailed


def chunks(lines: Iterable[str]) -> Iterator[Tree]:
    """Yield the chunks of a stream as they arrive, up to its `[DONE]`.

    Raises:
        CheckFailed: The stream contains an error or ends without `[DONE]`.
    """
    for line in lines:
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if data == "[DONE]":
            return
        chunk = json.loads(data) if data else {}
        if "error" in chunk:
            raise CheckFailed(f"the stream broke off: {str(chunk['error'])[:200]}")
        yield chunk
    raise CheckFailed("the stream ended without [DONE]")


def chunk_text(chunk: Tree) -> str:
    """Return the text that a chunk adds to the answer."""
    return "".join((choice.get("delta") or {}).get("content") or "" for choice in chunk.get("choices", ()))

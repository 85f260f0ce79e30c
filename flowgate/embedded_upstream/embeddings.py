"""Embeddings: equal texts get equal vectors of length 1; no meaning is in them.

The real program has no such endpoint: only the embedded upstream's own models, and vendors that fail on request, do.
"""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections.abc import Sequence

from flowgate.embedded_upstream.json_data import Json, JsonObject

DIMENSIONS, MOST_DIMENSIONS = 1536, 8192


def embeddings(body: JsonObject) -> JsonObject:
    """Build the response of `/v1/embeddings`.

    Args:
        body: The request: `input`, and `dimensions` and `encoding_format` if wanted.
    """
    given = body.get("input")
    texts: list[Json] = given if isinstance(given, list) and not _is_tokens(given) else [given]
    size = body.get("dimensions")
    dimensions = min(size, MOST_DIMENSIONS) if isinstance(size, int) and size > 0 else DIMENSIONS
    as_text = body.get("encoding_format") == "base64"
    data: list[Json] = []
    for index, one in enumerate(texts):
        vector = _vector(str(one), dimensions)
        data.append({"object": "embedding", "index": index, "embedding": _base64(vector) if as_text else [*vector]})
    words = sum(len(one) if isinstance(one, list) else len(str(one).split()) for one in texts)
    usage: JsonObject = {"prompt_tokens": words, "total_tokens": words}
    return {"object": "list", "data": data, "model": str(body.get("model", "")), "usage": usage}


def _is_tokens(value: Sequence[Json]) -> bool:
    """Return whether a list is one text in the form of its tokens."""
    return bool(value) and all(isinstance(one, int) for one in value)


def _vector(text: str, dimensions: int) -> list[float]:
    data = hashlib.shake_256(text.encode(errors="replace")).digest(2 * dimensions)
    values = [number / 32768 for (number,) in struct.iter_unpack("<h", data)]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / length for value in values]


def _base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()

"""Server-sent events."""

from __future__ import annotations

import json

from flowgate.embedded_upstream.json_data import JsonObject

DONE = "data: [DONE]\n\n"


def event(data: JsonObject, name: str = "") -> str:
    """Format a server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n"

"""Types and parsing of JSON documents whose content other programs decide."""

from __future__ import annotations

import json
from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = "dict[str, Json]"


def parse_object(data: str | bytes) -> JsonObject | None:
    """Parse a JSON object.

    Args:
        data: The document.

    Returns:
        The object; None if the document is invalid, nested too deeply or not an object.
    """
    try:
        value: Json = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def objects(value: Json) -> list[JsonObject]:
    """Return the objects of a JSON list; an empty list for any other value."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def mapping(value: Json) -> JsonObject:
    """Return a JSON object as it is, and an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def text(value: Json) -> str:
    """Return a value as text; an empty text for null, false, 0 and empty values."""
    return str(value or "")

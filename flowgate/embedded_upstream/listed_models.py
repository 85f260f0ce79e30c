"""The formats of the model lists, and the names under which Anthropic's clients see models of others.

Source: recorded responses; 7.2.137-9, internal/client/claude/models/models.go
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flowgate.embedded_upstream.json_data import JsonObject

CLAUDE, DISGUISE = "claude-", "claude-fable-5-dd-"
SUFFIX = re.compile(r"\([^(]*\)$")
INPUT_TOKENS, OUTPUT_TOKENS = 200_000, 64_000  # where a model has no limits of its own


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One model of the list.

    Attributes:
        id: Its name.
        owner: Its vendor, or the entry that provides it.
        created: When it was published, in seconds since 1970.
        title: Its name for people; empty for the name itself.
        context_tokens: The size of its context; 0 if it is not known.
        answer_tokens: The longest answer; 0 if it is not known.
    """

    id: str
    owner: str
    created: int
    title: str = ""
    context_tokens: int = 0
    answer_tokens: int = 0


def openai(listed: Sequence[ListedModel]) -> JsonObject:
    """Build OpenAI's format."""
    return {"data": [_openai_row(one) for one in listed], "object": "list"}


def codex(listed: Sequence[ListedModel]) -> JsonObject:
    """Build the format that Codex asks for; without its instructions."""
    return {"models": [{"slug": one.id, "display_name": one.title or one.id} for one in listed]}


def gemini(listed: Sequence[ListedModel], *, newest: bool) -> JsonObject:
    """Build Gemini's format; the newest lines add the name for people."""
    return {"models": [_gemini_row(one, newest) for one in listed]}


def _openai_row(one: ListedModel) -> JsonObject:
    return {"created": one.created, "id": one.id, "object": "model", "owned_by": one.owner}


def _gemini_row(one: ListedModel, newest: bool) -> JsonObject:
    row: JsonObject = {"name": f"models/{one.id}"}
    if newest:
        row |= {"displayName": one.title or one.id, "supportedGenerationMethods": ["generateContent"]}
    return row


def anthropic(listed: Sequence[ListedModel], *, newest: bool, disguised: bool) -> JsonObject:
    """Build Anthropic's format.

    Args:
        listed: The models.
        newest: Whether the rows have dates and limits, and are sorted by the name for people.
        disguised: Whether names that do not begin with "claude-" are replaced by ones that do.
    """
    rows: list[JsonObject] = [_row(one, newest, disguised) for one in listed]
    if newest:
        rows.sort(key=lambda row: (str(row["display_name"]), str(row["id"])))
    ends = {"first_id": rows[0]["id"] if rows else "", "last_id": rows[-1]["id"] if rows else ""}
    return {"data": [*rows], "has_more": False, **ends}


def _row(one: ListedModel, newest: bool, disguised: bool) -> JsonObject:
    row: JsonObject = {"id": one.id, "object": "model", "owned_by": one.owner, "type": "model"}
    if not newest:
        return row
    row |= {"id": disguise(one.id) if disguised else one.id, "display_name": one.title or one.id}
    row["created_at"] = datetime.fromtimestamp(one.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    row |= {"max_input_tokens": one.context_tokens or INPUT_TOKENS, "max_tokens": one.answer_tokens or OUTPUT_TOKENS}
    row |= {"context_length": one.context_tokens} if one.context_tokens else {}
    return row | ({"max_completion_tokens": one.answer_tokens} if one.answer_tokens else {})


def disguise(name: str) -> str:
    """Return the name under which Anthropic's clients see a model."""
    return name if not name or name.startswith(CLAUDE) else DISGUISE + name[::-1]


def revealed(name: str) -> str:
    """Return the real name of a model; a suffix in parentheses is kept."""
    suffix = SUFFIX.search(name)
    base = name[: suffix.start()] if suffix else name
    if not base.startswith(DISGUISE) or base == DISGUISE:
        return name
    return base.removeprefix(DISGUISE)[::-1] + (suffix[0] if suffix else "")

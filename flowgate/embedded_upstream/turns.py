"""The turns of a conversation, read from a request in any of the formats.

The formats are read by one reader: what distinguishes them (`role`, `type`, the names of a part's keys) does not
overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from flowgate.embedded_upstream.attachments import any_text, describe
from flowgate.embedded_upstream.injected import without_context
from flowgate.embedded_upstream.json_data import Json, JsonObject, mapping, objects, text

ASSISTANT_ROLES = ("assistant", "model")
SYSTEM_ROLES = ("system", "developer")


class ToolResult(NamedTuple):
    """The result of a tool call.

    Attributes:
        tool: The tool's name; empty if the call is not part of the request.
        output: What the tool returned, as text.
    """

    tool: str
    output: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message or item.

    Attributes:
        role: `user`, `assistant` or `system`.
        texts: Its texts, as they are.
        results: The results of tools in it, each with the call's id in place of the tool's name.
        attachments: Descriptions of its images and documents.
        calls: The names of the tools that it calls, by the call's id.
    """

    role: str
    texts: tuple[str, ...] = ()
    results: tuple[ToolResult, ...] = ()
    attachments: tuple[str, ...] = ()
    calls: dict[str, str] = field(default_factory=dict)

    def question(self) -> str:
        """Return the last text that the user wrote; empty if there is only injected context."""
        found = [without_context(one) for one in self.texts]
        return next((one for one in reversed(found) if one), "")


def read_turns(body: JsonObject) -> list[Turn]:
    """Read the turns of a request.

    Args:
        body: The request, with `messages`, `input`, `contents` or `prompt`.
    """
    names = ("messages", "input", "contents", "prompt")
    value = next((body[name] for name in names if body.get(name)), "")
    items: list[Json] = value if isinstance(value, list) else [value]
    turns = [_turn(one) for one in items]
    known = {key: name for turn in turns for key, name in turn.calls.items()}
    return [replace(turn, results=_named(turn.results, known)) for turn in turns]


def _named(results: Sequence[ToolResult], known: dict[str, str]) -> tuple[ToolResult, ...]:
    return tuple(ToolResult(known.get(one.tool, one.tool), one.output) for one in results)


def _turn(item: Json) -> Turn:
    if not isinstance(item, dict):
        return Turn("user", (text(item),))
    kind, role = text(item.get("type")), text(item.get("role"))
    if kind.endswith("_output"):  # Responses: function_call_output and the like
        return Turn("user", results=(_result(item.get("call_id") or item.get("id"), item.get("output")),))
    if role in ("tool", "function"):  # chat
        return Turn("user", results=(_result(item.get("tool_call_id") or item.get("name"), item.get("content")),))
    if role in ASSISTANT_ROLES or (not role and kind not in ("", "message")):
        return Turn("assistant", (any_text(item.get("content")),), calls=_calls(item))
    content = item.get("content", item.get("parts", ""))
    parts: list[Json] = content if isinstance(content, list) else [content]
    return _from_parts("system" if role in SYSTEM_ROLES else "user", parts)


def _from_parts(role: str, parts: Sequence[Json]) -> Turn:
    texts, results, attachments = list[str](), list[ToolResult](), list[str]()
    for part in parts:
        if not isinstance(part, dict):
            texts.append(text(part))
        elif part.get("type") == "tool_result":
            results.append(_result(part.get("tool_use_id"), part.get("content")))
        elif response := mapping(part.get("functionResponse")):
            results.append(_result(response.get("id") or response.get("name"), response.get("response")))
        elif described := describe(part):
            attachments.append(described)
        else:
            texts.append(text(part.get("text")))
    return Turn(role, tuple(texts), tuple(results), tuple(attachments))


def _result(key: Json, output: Json) -> ToolResult:
    return ToolResult(text(key), any_text(output))


def _calls(item: JsonObject) -> dict[str, str]:
    """Return the names of the called tools by the call's id: of chat, Messages, Gemini and Responses."""
    chat = {text(one.get("id")): _name(one) for one in objects(item.get("tool_calls"))}
    used = {text(one.get("id")): _name(one) for one in objects(item.get("content")) if one.get("type") == "tool_use"}
    parts = [mapping(one.get("functionCall")) for one in objects(item.get("parts"))]
    gemini = {text(one.get("id") or one.get("name")): _name(one) for one in parts if one}
    kind = text(item.get("type"))
    own = {text(item.get("call_id") or item.get("id")): _name(item)} if kind.endswith("_call") else {}
    return {**chat, **used, **gemini, **own}


def _name(call: JsonObject) -> str:
    nested = mapping(call.get("function")) or mapping(call.get("custom")) or call
    return text(nested.get("name")) or text(call.get("type")).removesuffix("_call")


def asked(turns: Sequence[Turn]) -> str:
    """Return the last thing that the user wrote; where there is only injected context, that."""
    users = [turn for turn in turns if turn.role == "user"]
    written = next((question for turn in reversed(users) if (question := turn.question())), "")
    raw = (one for turn in reversed(users) for one in reversed(turn.texts) if one.strip())
    return written or next(raw, "")


def newest(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns of the user since the last answer."""
    found: list[Turn] = []
    for turn in reversed(turns):
        if turn.role == "assistant":
            break
        if turn.role == "user":
            found.insert(0, turn)
    return found

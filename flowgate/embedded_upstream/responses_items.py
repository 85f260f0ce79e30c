"""The output items of `/v1/responses`, and the events of a stream that build them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

from flowgate.embedded_upstream.answers import Answer, split
from flowgate.embedded_upstream.json_data import Json, JsonObject
from flowgate.embedded_upstream.tools import CUSTOM, LOCAL_SHELL, Call

Step = tuple[str, JsonObject]  # an event's type and content


@dataclass(frozen=True, slots=True)
class ReasoningItem:
    """The item with the text in the place of thoughts."""

    answer: Answer

    def content(self, *, done: bool = True) -> JsonObject:
        """Build the item, complete or as its stream begins."""
        one = self.answer
        summary: list[Json] = [self._part(one.thoughts)] if done and one.wishes.summary else []
        item: JsonObject = {"id": f"rs_{one.digest}", "type": "reasoning", "summary": summary}
        if one.wishes.encrypted:
            item["encrypted_content"] = base64.b64encode(f"embedded upstream {one.digest}".encode()).decode()
        return item

    def _part(self, text: str) -> JsonObject:
        return {"type": "summary_text", "text": text}

    def steps(self, index: int) -> Iterator[Step]:
        """Build the events between the item's first and last one."""
        if not self.answer.wishes.summary:
            return
        place: JsonObject = {"item_id": f"rs_{self.answer.digest}", "output_index": index, "summary_index": 0}
        thoughts = self.answer.thoughts
        yield "response.reasoning_summary_part.added", {**place, "part": self._part("")}
        for piece in split(thoughts):
            yield "response.reasoning_summary_text.delta", {**place, "delta": piece}
        yield "response.reasoning_summary_text.done", {**place, "text": thoughts}
        yield "response.reasoning_summary_part.done", {**place, "part": self._part(thoughts)}


@dataclass(frozen=True, slots=True)
class MessageItem:
    """The item with the answer's text."""

    answer: Answer

    def content(self, *, done: bool = True) -> JsonObject:
        """Build the item, complete or as its stream begins."""
        one = self.answer
        status = "in_progress" if not done else "incomplete" if one.is_cut else "completed"
        content: list[Json] = [self._part(one.text)] if done else []
        return {"id": f"msg_{one.digest}", "type": "message", "status": status, "role": "assistant", "content": content}

    def _part(self, text: str) -> JsonObject:
        return {"type": "output_text", "text": text, "annotations": []}

    def steps(self, index: int) -> Iterator[Step]:
        """Build the events between the item's first and last one."""
        one = self.answer
        place: JsonObject = {"item_id": f"msg_{one.digest}", "output_index": index, "content_index": 0}
        yield "response.content_part.added", {**place, "part": self._part("")}
        for piece in one.pieces():
            yield "response.output_text.delta", {**place, "delta": piece}
        yield "response.output_text.done", {**place, "text": one.text}
        yield "response.content_part.done", {**place, "part": self._part(one.text)}


@dataclass(frozen=True, slots=True)
class CallItem:
    """The item with a call of a tool."""

    call: Call

    def content(self, *, done: bool = True) -> JsonObject:
        """Build the item, complete or as its stream begins."""
        tool, key = self.call.tool, self.call.key
        status = "completed" if done else "in_progress"
        common: JsonObject = {"status": status, "call_id": f"call_embedded_{key}"}
        if tool.kind == LOCAL_SHELL:
            action: JsonObject = {"type": "exec", "env": {}, "command": [], **self.call.values}
            return {"id": f"lsh_{key}", "type": "local_shell_call", **common, "action": action}
        given = self.call.arguments if done else ""
        if tool.kind == CUSTOM:
            return {"id": f"ctc_{key}", "type": "custom_tool_call", **common, "name": tool.name, "input": given}
        group: JsonObject = {"namespace": tool.namespace} if tool.namespace else {}
        called: JsonObject = {"name": tool.name, **group, "arguments": given}
        return {"id": f"fc_{key}", "type": "function_call", **common, **called}

    def steps(self, index: int) -> Iterator[Step]:
        """Build the events between the item's first and last one."""
        call = self.call
        if call.tool.kind == LOCAL_SHELL:
            return
        custom = call.tool.kind == CUSTOM
        what, name = ("custom_tool_call_input", "input") if custom else ("function_call_arguments", "arguments")
        place: JsonObject = {"item_id": f"{'ctc' if custom else 'fc'}_{call.key}", "output_index": index}
        for piece in call.fragments():
            yield f"response.{what}.delta", {**place, "delta": piece}
        named: JsonObject = {} if custom else {"name": call.tool.name}
        yield f"response.{what}.done", {**place, **named, name: call.arguments}


Item = ReasoningItem | MessageItem | CallItem


def items(one: Answer) -> list[Item]:
    """Return the items of an answer, in order."""
    thought: list[Item] = [ReasoningItem(one)] if one.thoughts else []
    said: list[Item] = [MessageItem(one)] if one.text or not one.calls else []
    return [*thought, *said, *(CallItem(call) for call in one.calls)]

"""The answer to a request, before it is written in the format of an endpoint; equal requests get equal answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from flowgate.embedded_upstream.attachments import any_text, listed
from flowgate.embedded_upstream.json_data import JsonObject, objects
from flowgate.embedded_upstream.schema_values import Values
from flowgate.embedded_upstream.tools import Call, choose, directives, read_choice, read_tools
from flowgate.embedded_upstream.turns import Turn, asked, newest, read_turns
from flowgate.embedded_upstream.usage import Tokens
from flowgate.embedded_upstream.wishes import Wishes, read_wishes

CREATED = 1_700_000_000  # a constant keeps responses equal
QUOTED_CHARACTERS = 200
THOUGHTS = "This is FlowGate's embedded upstream: it has no thoughts, and this text is in their place."
ECHOED = ("instructions", "metadata", "parallel_tool_calls", "previous_response_id", "reasoning", "text", "tool_choice")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request.

    Attributes:
        model: The model that was requested.
        text: The answer's text.
        digest: Identifies the request; part of the response's ids.
        tokens: Words of the request and of the answer, counted as tokens.
        thoughts: The text in the place of thoughts; empty if none were asked for.
        calls: The tools that are called.
        is_cut: Whether the limit of tokens ended the text.
        stop: The text that ended it; empty for none.
        wishes: What the request asks for.
        echo: What the format of Responses repeats of the request.
    """

    model: str
    text: str
    digest: str
    tokens: Tokens
    thoughts: str = ""
    calls: tuple[Call, ...] = ()
    is_cut: bool = False
    stop: str = ""
    wishes: Wishes = field(default_factory=Wishes)
    echo: JsonObject = field(default_factory=dict)

    def pieces(self) -> list[str]:
        """Split the text into the pieces of a stream: one word each."""
        return split(self.text)


def split(text: str) -> list[str]:
    """Split a text into words, each with the blank before it."""
    first, *rest = text.split(" ")
    return [one for one in (first, *(f" {word}" for word in rest)) if one]


def last_prompt(body: JsonObject) -> str:
    """Return what the user wrote last, without the context that clients inject."""
    return asked(read_turns(body))


def count_input(body: JsonObject) -> int:
    """Count the words of a request."""
    return max(1, _words(read_turns(body)) + _instructions(body))


def complete(body: JsonObject, account: str = "", path: str = "") -> Answer:
    """Answer a request in any of the formats.

    Args:
        body: The request.
        account: The account that is used; empty for none.
        path: The endpoint.
    """
    turns, wishes, model = read_turns(body), read_wishes(body, path), str(body.get("model", ""))
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:24]
    through = f" through {account}" if account else ""
    start = f"This is FlowGate's embedded upstream answering for {model}{through}"
    prompt, latest = asked(turns), newest(turns)
    calls, excuse = _calls(body, prompt, latest, digest)
    choice = read_choice(body)
    if calls:
        names = " and ".join(dict.fromkeys(one.tool.name for one in calls))
        text = "" if choice.demanded else f"{start}. It calls {names}."
    elif wishes.schema is not None:
        said = f"{start}. You asked: {_quoted(prompt)}"
        text = json.dumps(_fitting(wishes.schema, said), ensure_ascii=False)
    else:
        attached = listed([one for turn in latest for one in turn.attachments])
        text = f"{start}.{_results(latest)}{attached}{excuse} You asked: {_quoted(prompt)}"
    thoughts = THOUGHTS if wishes.thinks else ""
    return _limited(Answer(model, text, digest, Tokens(), thoughts, tuple(calls), wishes=wishes), turns, body)


def _calls(body: JsonObject, prompt: str, latest: Sequence[Turn], digest: str) -> tuple[list[Call], str]:
    """Choose the calls; once the tools have returned, and nothing new was asked, there are none."""
    last = latest[-1] if latest else None
    if any(turn.results for turn in latest) and not (last and last.question()):
        return [], ""
    tools, choice = read_tools(body), read_choice(body)
    if not tools and not choice.demanded and not directives(prompt):
        return [], ""
    return choose(tools, choice, prompt, digest)


def _fitting(schema: JsonObject, said: str) -> object:
    """Return a value for the schema; the answer is its first text, if there is room for it."""
    if not schema:
        return {"answer": said}
    return Values(schema, sentence=said, everything=True).value(schema)


def _quoted(text: str) -> str:
    return json.dumps(" ".join(text.split())[:QUOTED_CHARACTERS], ensure_ascii=False)


def _results(latest: Sequence[Turn]) -> str:
    found = [one for turn in latest for one in turn.results]
    return "".join(f" The tool {one.tool or 'that was called'} returned: {_quoted(one.output)}." for one in found)


def _limited(answer: Answer, turns: Sequence[Turn], body: JsonObject) -> Answer:
    """End the text where the request says, count the tokens, and keep what Responses repeats."""
    text, wishes, stop, is_cut = answer.text, answer.wishes, "", False
    ends = {text.find(one): one for one in reversed(wishes.stops) if one in text}
    if ends:
        stop = ends[min(ends)]
        text = text[: min(ends)]
    thought = len(split(answer.thoughts))
    words = split(text)
    left = len(words) if wishes.limit is None else max(0, wishes.limit - thought)
    if left < len(words):
        text, stop, is_cut = "".join(words[:left]), "", True
    called = sum(len(call.fragments()) + 1 for call in answer.calls)
    before = max([0, *(at + 1 for at, turn in enumerate(turns) if turn.role == "assistant")])
    cached = _words(turns[:before]) if wishes.caches else 0
    answered = min(len(words), left) * wishes.choices
    tokens = Tokens(count_input(body), thought + answered + called, thought, cached)
    echo = {name: body[name] for name in (*ECHOED, "tools") if name in body}
    return Answer(answer.model, text, answer.digest, tokens, answer.thoughts, answer.calls, is_cut, stop, wishes, echo)


def _words(turns: Sequence[Turn]) -> int:
    texts = [one for turn in turns for one in (*turn.texts, *(result.output for result in turn.results))]
    return sum(len(one.split()) for one in texts) + sum(len(turn.attachments) for turn in turns)


def _instructions(body: JsonObject) -> int:
    """Count the words of the instructions that are no turn."""
    gemini = [any_text(part) for part in objects([body.get("systemInstruction") or body.get("system_instruction")])]
    given = [any_text(body.get(name)) for name in ("system", "instructions")]
    return sum(len(one.split()) for one in (*given, *gemini))

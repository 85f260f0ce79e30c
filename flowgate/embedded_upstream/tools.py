"""The tools that a request offers, and which of them are called."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flowgate.embedded_upstream.json_data import Json, JsonObject, mapping, objects, text
from flowgate.embedded_upstream.schema_values import Values

CALL = re.compile(r"\(call ([\w.:/-]+)\s*")
TELLING = re.compile(r"[_\d-]|[a-z][A-Z]")  # a name with one of these is no ordinary word
VENDOR_TOOLS = re.compile(r"(?:bash|text_editor|computer|memory)_\d{8}$")  # run by the client, without a schema
CUSTOM, LOCAL_SHELL = "custom", "local_shell"
FREE_TEXT = "example"


class Tool(NamedTuple):
    """A tool that the client runs.

    Attributes:
        name: Its name.
        schema: The JSON schema of its arguments.
        kind: `function`, `custom` (its input is a text) or `local_shell`.
        namespace: The group that Responses put it in; empty for none.
    """

    name: str
    schema: JsonObject
    kind: str = "function"
    namespace: str = ""


class Choice(NamedTuple):
    """What `tool_choice` says.

    Attributes:
        demanded: Whether a tool must be called.
        forbidden: Whether none may be called.
        names: The tools that may be called; empty for all.
        parallel: Whether several may be called at once.
    """

    demanded: bool = False
    forbidden: bool = False
    names: tuple[str, ...] = ()
    parallel: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool.

    Attributes:
        tool: The tool.
        arguments: Its arguments as JSON; the input of a custom tool.
        key: Identifies the call within the answer.
    """

    tool: Tool
    arguments: str
    key: str

    @property
    def values(self) -> JsonObject:
        """The arguments as an object."""
        return mapping(json.loads(self.arguments)) if self.tool.kind != CUSTOM else {"input": self.arguments}

    def fragments(self) -> list[str]:
        """Split the arguments into the pieces of a stream."""
        return [self.arguments[at : at + 16] for at in range(0, len(self.arguments), 16)]


# --- reading


def read_tools(body: JsonObject) -> list[Tool]:
    """Read the tools that the client can run; those that a vendor runs are left out.

    Args:
        body: The request in any format.
    """
    found: list[Tool] = []
    for one in objects(body.get("tools")):
        declared = objects(one.get("functionDeclarations") or one.get("function_declarations"))  # Gemini
        if one.get("type") == "namespace":
            found += [Tool(*tool[:3], text(one.get("name"))) for tool in _each(objects(one.get("tools")))]
        else:
            found += _each(declared or [one])
    return found


def _each(given: Sequence[JsonObject]) -> Iterator[Tool]:
    for one in given:
        kind = text(one.get("type"))
        nested = mapping(one.get("function")) or mapping(one.get("custom")) or one
        names = ("parameters", "input_schema", "parametersJsonSchema", "parameters_json_schema")
        schema = next((mapping(nested[name]) for name in names if name in nested), {})
        if kind == LOCAL_SHELL:
            yield Tool(LOCAL_SHELL, {}, LOCAL_SHELL)
        elif text(nested.get("name")) and (kind in ("", "function", CUSTOM) or VENDOR_TOOLS.match(kind)):
            free = kind == CUSTOM and "input_schema" not in nested  # Messages call ordinary tools custom
            yield Tool(text(nested.get("name")), schema, CUSTOM if free else "function")


def read_choice(body: JsonObject) -> Choice:
    """Read which tools must or may be called.

    Args:
        body: The request in any format.
    """
    given = body.get("tool_choice")
    parallel = body.get("parallel_tool_calls") is not False
    setting = mapping(body.get("toolConfig") or body.get("tool_config"))
    gemini = mapping(setting.get("functionCallingConfig") or setting.get("function_calling_config"))
    if gemini:
        allowed = gemini.get("allowedFunctionNames") or gemini.get("allowed_function_names")
        names = tuple(map(str, allowed)) if isinstance(allowed, list) else ()
        mode = text(gemini.get("mode")).upper()
        return Choice(mode == "ANY", mode == "NONE", names)
    if not isinstance(given, dict):
        return Choice(given in ("required", "any"), given == "none", parallel=parallel)
    parallel = parallel and given.get("disable_parallel_tool_use") is not True
    kind = text(given.get("type"))
    if kind == "allowed_tools":
        allowed_tools = mapping(given.get("allowed_tools")) or given
        names = tuple(_chosen(one) for one in objects(allowed_tools.get("tools")))
        return Choice(allowed_tools.get("mode") == "required", names=names, parallel=parallel)
    if kind in ("auto", "any", "none"):  # Messages
        return Choice(kind == "any", kind == "none", parallel=parallel)
    return Choice(True, names=(_chosen(given),), parallel=parallel)


def _chosen(given: JsonObject) -> str:
    nested = mapping(given.get("function")) or mapping(given.get("custom")) or given
    return text(nested.get("name")) or text(given.get("type"))


# --- choosing


def directives(prompt: str) -> list[tuple[str, Json]]:
    """Return the calls that a prompt writes as `(call NAME {json})`; the value is None where there is no JSON."""
    found: list[tuple[str, Json]] = []
    for match in CALL.finditer(prompt):
        rest = prompt[match.end() :]
        if rest.startswith(")"):
            found.append((match[1], None))
            continue
        if re.match(r'[\[{]\s*\\"', rest):  # opencode quotes the prompt as JSON, quotes and all
            rest = re.sub(r"\\(.)", r"\1", rest)
        try:
            value, end = json.JSONDecoder(strict=False).raw_decode(rest)
        except (ValueError, RecursionError):
            continue
        if rest[end:].lstrip().startswith(")"):
            found.append((match[1], value))
    return found


def choose(tools: Sequence[Tool], choice: Choice, prompt: str, digest: str) -> tuple[list[Call], str]:
    """Choose the calls of an answer.

    Args:
        tools: The tools of the request.
        choice: What `tool_choice` says.
        prompt: What the user asked.
        digest: Identifies the request.

    Returns:
        The calls, and what is to be said if a call is impossible.
    """
    written = directives(prompt)
    allowed = [] if choice.forbidden else [one for one in tools if not choice.names or one.name in choice.names]
    by_name = {f"{one.namespace}{separator}{one.name}": one for one in allowed for separator in (".", "__", "")}
    by_name |= {one.name: one for one in reversed(allowed)}
    unknown = [name for name, _ in written if name not in by_name]
    wanted = [(by_name[name], value) for name, value in written if name in by_name]
    if not written:
        wanted = [(one, None) for one in allowed if _is_named(one.name, prompt)]
    if not wanted and choice.demanded and allowed:
        wanted = [(allowed[0], None)]
    calls = [_call(tool, value, f"{digest}_{number}") for number, (tool, value) in enumerate(wanted)]
    excuse = _excuse(unknown, tools, choice) if unknown or (choice.demanded and not allowed) else ""
    return (calls if choice.parallel else calls[:1]), excuse


def _excuse(unknown: Sequence[str], tools: Sequence[Tool], choice: Choice) -> str:
    if not tools:
        return " The request offers no tools."
    if choice.forbidden:
        return " tool_choice forbids calls."
    missing = ", ".join(unknown or choice.names)
    return f" No tool that may be called is named {missing}; tools: {', '.join(one.name for one in tools[:20])}."


def _is_named(name: str, prompt: str) -> bool:
    """Return whether a prompt names a tool; a name that is also a word needs "call", "use", "tool" or backquotes."""
    word = re.escape(name)
    if TELLING.search(name):
        return re.search(rf"(?<![\w-]){word}(?![\w-])", prompt) is not None
    named = rf"`{word}`|\b(?:[Cc]all|[Uu]se|[Rr]un|[Tt]ool)(?: the)?(?: tool)? {word}\b|\b{word} tool\b"
    return re.search(named, prompt) is not None


def _call(tool: Tool, value: Json, key: str) -> Call:
    if tool.kind == CUSTOM:
        given = mapping(value).get("input", value)
        return Call(tool, FREE_TEXT if given is None else given if isinstance(given, str) else json.dumps(given), key)
    if value is None and tool.kind == LOCAL_SHELL:
        value = {"command": ["echo", FREE_TEXT]}
    if value is None:
        value = Values(tool.schema).value(tool.schema)
    return Call(tool, json.dumps(value if isinstance(value, dict) else {}, ensure_ascii=False), key)

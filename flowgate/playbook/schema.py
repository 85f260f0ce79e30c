"""The JSON Schema of playbooks, for editors, generated from the keywords of the parser and the steps of the catalog.

It accepts everything that a run accepts. It does not check names, expressions and handlers.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Union

from flowgate.playbook import builtin, keywords, parse
from flowgate.playbook.catalog import Catalog, Param, StepInfo
from flowgate.playbook.coerce import CONDITIONS, EVALUATED, EvaluatedExpression
from flowgate.playbook.include import IMPORT_TASKS, NOT_ALLOWED
from flowgate.playbook.sandbox import BOOLEANS as TRUTHS

Schema = dict[str, object]  # JSON Schema

NAME = r"^[^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*$"  # of a variable: letters of any script, digits, _
TEMPLATE: Schema = {"type": "string", "pattern": r"\{\{|\{%"}
TEXT: Schema = {"type": ["string", "number"]}
ONE_VALUE: Schema = {"type": ["string", "number", "boolean", "null"]}
ONE_CONDITION: Schema = {"type": ["string", "boolean", "integer"]}
TASKS: Schema = {"type": ["array", "null"], "items": {"$ref": "#/$defs/task"}}
NUMBERS: Mapping[str, Schema] = {
    "retries": {"type": "integer", "minimum": 0},
    "backoff": {"type": "number", "minimum": 1},
    "parallel": {"type": "integer", "minimum": 1},
}
SINGLE: Mapping[str, Schema] = {"text": TEXT, "listed": {"type": "array", "items": TEXT}}


def schema(catalog: Catalog) -> Schema:
    """Generate the JSON Schema of playbooks.

    Args:
        catalog: All steps.

    Returns:
        The schema.
    """
    steps = _steps(catalog)
    task = {**_of(keywords.TASK_READERS), **steps}
    block = _of(parse.BLOCK_READERS)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "FlowGate playbook",
        "anyOf": [{"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/play"}}, {"$ref": "#/$defs/play"}],
        "$defs": {
            "play": {**_object(_of(parse.PLAY_READERS)), "required": ["tasks"]},
            "task": {
                "type": "object",
                "if": {"anyOf": [{"required": [word]} for word in ("block", "rescue", "always")]},
                "then": {"$ref": "#/$defs/block"},
                "else": {"$ref": "#/$defs/step"},
            },
            "block": {**_object(block), "required": ["block"]},
            "step": {**_object(task), "oneOf": [{"required": [word]} for word in steps], **_beside_import()},
        },
    }


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _beside_import() -> Schema:
    imported = {"anyOf": [{"required": [word]} for word in _spellings(IMPORT_TASKS)]}
    return {"if": imported, "then": {"properties": dict.fromkeys(NOT_ALLOWED, False)}}


def _of(readers: Mapping[str, keywords.Reader]) -> dict[str, Schema]:
    return {word: _READ.get(reader, _anything)(word) for word, reader in readers.items()}


def _anything(word: str) -> Schema:
    return {}  # for a reader that is not in the table below


_READ: Mapping[keywords.Reader, Callable[[str], Schema]] = {
    keywords.read_text: lambda word: ONE_VALUE,
    keywords.read_identifier: lambda word: {"type": "string", "pattern": NAME},
    keywords.read_flag: lambda word: {"type": "boolean"},
    keywords.read_conditions: lambda word: _one_or_more(ONE_CONDITION),
    keywords.read_number: lambda word: {"anyOf": [NUMBERS.get(word, {"type": "number", "minimum": 0}), TEMPLATE]},
    keywords.read_loop: lambda word: {"anyOf": [{"type": ["array", "object"]}, TEMPLATE]},
    keywords.read_loop_control: lambda word: _object(_of(keywords.LOOP_READERS)),
    keywords.read_tags: lambda word: _one_or_more({"type": ["string", "integer"]}, alone="string"),
    keywords.read_names: lambda word: _one_or_more({"type": "string"}),
    keywords.read_variables: lambda word: {"type": ["object", "null"], "propertyNames": {"pattern": NAME}},
    parse.PLAY_READERS["tasks"]: lambda word: TASKS,
    parse.PLAY_READERS["handlers"]: lambda word: TASKS,
}


def _one_or_more(one: Schema, alone: str = "") -> Schema:
    return {"anyOf": [{"type": alone} if alone else one, {"type": "array", "items": one}]}


def _steps(catalog: Catalog) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for name in catalog.names():
        info = catalog.find(name)
        found.update(dict.fromkeys(_spellings(name), _step(info)))
    imported = _object({"file": {"type": "string", "minLength": 1}})
    whole: Schema = {"anyOf": [{"type": "string", "minLength": 1}, {**imported, "required": ["file"]}]}
    about = {"description": "Insert the tasks of a file, before the run starts."}
    found.update({word: {**about, **whole} for word in _spellings(IMPORT_TASKS)})
    found["meta"] = {"enum": [builtin.FLUSH], "description": "Run the handlers that were notified so far, now."}
    return found


def _spellings(name: str) -> list[str]:
    """List the words that name a step: with underscores, with dashes, and the aliases."""
    short = [alias for alias, step in parse.ALIASES.items() if step == name]
    return list(dict.fromkeys([name, name.replace("_", "-"), *short]))


def _step(info: StepInfo) -> Schema:
    properties = {name: _param(param) for name, param in info.params.items()}
    params: Schema = {"type": ["object", "null"], "properties": properties, "additionalProperties": info.open}
    required = [name for name, param in info.params.items() if param.required]
    if required:
        params |= {"type": "object", "required": required}
    alone = [SINGLE[how] for how, name in zip(SINGLE, parse.SHORT_FORMS.get(info.name, ("", "")), strict=True) if name]
    return {"description": info.summary, **({"anyOf": [params, *alone]} if alone else params)}


def _param(param: Param) -> Schema:
    accepted = value_schema(param.kind)
    found = accepted if param.kind in EVALUATED else _or_template(accepted)
    about: Schema = {"description": param.meaning} if param.meaning else {}
    has_default = not param.required and isinstance(param.default, (str, int, float, bool))
    return {**about, **found, **({"default": param.default} if has_default else {})}


def value_schema(kind: Any) -> Schema:
    """Generate the JSON Schema of the values that `coerce` accepts for a type.

    Args:
        kind: The type of a parameter.

    Returns:
        The schema; empty when any value is accepted.
    """
    if kind in _KINDS:
        return _KINDS[kind]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return {"enum": list(inner)} if all(isinstance(one, str) for one in inner) else {}
    if origin is list:
        return {"type": "array", "items": _or_template(value_schema(inner[0]))}
    if origin is dict:
        return {"type": "object", "additionalProperties": _or_template(value_schema(inner[1]))}
    if origin in (Union, types.UnionType) and type(None) in inner:
        rest = value_schema(next(one for one in inner if one is not type(None)))
        return {"anyOf": [rest, {"type": "null"}]} if rest else {}
    return {}


def _or_template(found: Schema) -> Schema:
    return {"anyOf": [found, TEMPLATE]} if found else {}


def _text_of(pattern: str) -> Schema:
    return {"type": "string", "pattern": rf"^\s*{pattern}\s*$"}


def _any_case(word: str) -> str:
    return "".join(f"[{sign.lower()}{sign.upper()}]" if sign.isalpha() else sign for sign in word)


_KINDS: Mapping[Any, Schema] = {
    str: TEXT,
    int: {"anyOf": [{"type": "integer"}, _text_of("[+-]?[0-9]{1,18}")]},
    float: {"anyOf": [{"type": "number"}, _text_of(r"[+-]?[0-9]{1,18}(\.[0-9]{0,18})?")]},
    bool: {"anyOf": [{"type": "boolean"}, _text_of(f"({'|'.join(map(_any_case, TRUTHS))})")]},
    Path: {"type": "string", "minLength": 1},
    CONDITIONS: _one_or_more(ONE_CONDITION),
    EvaluatedExpression: TEXT,
}

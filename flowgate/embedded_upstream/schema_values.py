"""Values that fit a JSON schema: the same schema always gets the same value."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from flowgate.embedded_upstream import schema_texts
from flowgate.embedded_upstream.json_data import Json, JsonObject, mapping, objects

DEEPEST = 12
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


@dataclass(slots=True)
class Values:
    """Makes the values of one schema.

    Attributes:
        root: The whole schema, which references point into.
        sentence: The text for the first string that has room for any text; empty once it is used.
        everything: Whether optional properties are filled in as well.
    """

    root: JsonObject
    sentence: str = ""
    everything: bool = False
    _within: list[str] = field(default_factory=list)

    def value(self, schema: Json, depth: int = 0) -> Json:
        """Return a value that fits.

        Args:
            schema: The schema, or a part of it; `true` and invalid ones accept anything.
            depth: How deep the value is nested.
        """
        merged = self._resolved(mapping(schema), depth)
        for name in ("const", "default"):
            if name in merged and (name == "const" or self._typed(merged["default"], merged)):
                return merged[name]
        enum = merged.get("enum")
        if isinstance(enum, list) and enum:
            return next((one for one in enum if self._typed(one, merged)), enum[0])
        match _type(merged):
            case "object":
                return self._object(merged, depth)
            case "array":
                return self._array(merged, depth)
            case "integer" | "number" as kind:
                return _number(merged, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
        return self._text(merged)

    def _typed(self, value: Json, schema: JsonObject) -> bool:
        """Return whether a value has the type that the schema asks for."""
        wanted = schema.get("type")
        names = wanted if isinstance(wanted, list) else [wanted] if wanted else list(TYPES)
        if isinstance(value, bool):
            return "boolean" in names
        return any(isinstance(value, TYPES.get(str(one).lower(), object)) for one in names)

    def _resolved(self, schema: JsonObject, depth: int) -> JsonObject:
        """Follow references, merge `allOf` and choose one of `anyOf` and `oneOf`."""
        merged = dict(schema)
        for _ in range(DEEPEST):
            reference = merged.pop("$ref", None)
            if isinstance(reference, str):
                merged = merge(self._target(reference), merged)
            for part in objects(merged.pop("allOf", None)):
                merged = merge(merged, part)
            for name in ("anyOf", "oneOf"):
                choices = objects(merged.pop(name, None))
                if choices:
                    merged = merge(merged, self._chosen(choices, depth))
            if not any(name in merged for name in ("$ref", "allOf", "anyOf", "oneOf")):
                break
        return merged

    def _chosen(self, choices: Sequence[JsonObject], depth: int) -> JsonObject:
        """Choose the first alternative; deep inside, one that ends a recursion."""
        if depth < 3:
            return choices[0]
        flat = [one for one in choices if "$ref" not in one and _type(one) not in ("object", "array")]
        return (flat or choices)[0]

    def _target(self, reference: str) -> JsonObject:
        found: Json = self.root
        for name in reference.removeprefix("#").strip("/").split("/"):
            key = name.replace("~1", "/").replace("~0", "~")
            if key:
                found = mapping(found).get(key)
        return mapping(found)

    def _object(self, schema: JsonObject, depth: int) -> JsonObject:
        properties = mapping(schema.get("properties"))
        required = [str(one) for one in _list(schema.get("required"))]
        names = list(dict.fromkeys([*(one for one in properties if one in required), *required]))
        if depth < DEEPEST:
            names += [one for one in properties if one not in names and self._optional(properties[one], depth)]
        found: JsonObject = {name: self.value(properties.get(name, {}), depth + 1) for name in names}
        missing = _integer(schema, "minProperties", 0) - len(found)
        more = [one for one in properties if one not in found]
        more += [f"example_{number}" for number in range(missing) if schema.get("additionalProperties") is not False]
        for name in more[: max(0, missing)]:
            found[name] = self.value(properties.get(name, schema.get("additionalProperties", {})), depth + 1)
        return found

    def _optional(self, schema: Json, depth: int) -> bool:
        """Return whether an optional property is filled in."""
        return "default" in mapping(schema) or (self.everything and depth < 3)

    def _array(self, schema: JsonObject, depth: int) -> list[Json]:
        first = _list(schema.get("prefixItems"))
        least = _integer(schema, "minItems", 0)
        most = _integer(schema, "maxItems", max(least, 1))
        wanted = least if depth >= DEEPEST else min(max(least, len(first), 1 if self.everything else least), most)
        found = [self.value(one, depth + 1) for one in first[:wanted]]
        item = schema.get("items", {})
        distinct = _list(self._resolved(mapping(item), depth).get("enum")) if schema.get("uniqueItems") else []
        while len(found) < wanted:
            at = len(found)
            found.append(distinct[at] if at < len(distinct) else self.value(item, depth + 1))
            if schema.get("uniqueItems") and not distinct:
                found[-1] = _distinct(found[-1], at)
        return found

    def _text(self, schema: JsonObject) -> str:
        least, most = _integer(schema, "minLength", 0), _integer(schema, "maxLength", -1)
        free = not schema.get("pattern") and not schema.get("format")
        if self.sentence and free and least <= len(self.sentence) and (most < 0 or len(self.sentence) <= most):
            said, self.sentence = self.sentence, ""
            return said
        return schema_texts.example(str(schema.get("format", "")), str(schema.get("pattern") or ""), least, most)


def _distinct(value: Json, number: int) -> Json:
    """Make the items of a list different from each other."""
    if isinstance(value, str):
        return f"{value}{number or ''}"
    return value + number if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def merge(one: JsonObject, other: JsonObject) -> JsonObject:
    """Merge two schemas that a value has to fit both."""
    merged = {**one, **other}
    for name in ("properties", "$defs", "definitions"):
        if name in one and name in other:
            merged[name] = mapping(one[name]) | mapping(other[name])
    if "required" in one and "required" in other:
        merged["required"] = [*_list(one["required"]), *_list(other["required"])]
    return merged


def _type(schema: JsonObject) -> str:
    """Return the type of a schema's values; Gemini writes the names in capitals."""
    given = schema.get("type")
    if isinstance(given, list):
        given = next((one for one in given if one != "null"), "null")
    if isinstance(given, str):
        return given.lower()
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return "number" if any(name in schema for name in ("minimum", "maximum", "multipleOf")) else "string"


def _integer(schema: JsonObject, name: str, otherwise: int) -> int:
    value = schema.get(name)
    text = str(value)
    return int(text) if not isinstance(value, bool) and re.fullmatch(r"\d{1,6}", text) else otherwise


def _number(schema: JsonObject, *, whole: bool) -> Json:
    """Return the smallest number from 1 on that fits, else the nearest below."""
    low, high = _bound(schema, "minimum", "exclusiveMinimum", 1), _bound(schema, "maximum", "exclusiveMaximum", -1)
    step = schema.get("multipleOf")
    unit = float(step) if isinstance(step, (int, float)) and not isinstance(step, bool) and step > 0 else 1.0
    start = low if low is not None else min(1.0, high) if high is not None else 1.0
    value = math.ceil(start / unit) * unit if whole or isinstance(step, (int, float)) else start
    if high is not None and value > high:
        value = math.floor(high / unit) * unit if whole or step else high
    return int(value) if whole or value == int(value) else value


def _bound(schema: JsonObject, name: str, exclusive: str, direction: int) -> float | None:
    """Return a bound; an excluded one is moved by a little, of integers by 1."""
    value, excluded = schema.get(name), schema.get(exclusive)
    if excluded is True:  # draft 4
        excluded = value
    found = [float(cast("float", one)) for one in (value,) if _is_number(one)]
    if _is_number(excluded):
        step = 1.0 if _type(schema) == "integer" or schema.get("multipleOf") else 0.5
        limit = float(cast("float", excluded))
        other = _other_bound(schema, direction)
        gap = abs(other - limit) / 2 if other is not None and step == 0.5 else step
        found.append(limit + direction * min(step, gap or step))
    return (max(found) if direction > 0 else min(found)) if found else None


def _other_bound(schema: JsonObject, direction: int) -> float | None:
    names = ("maximum", "exclusiveMaximum") if direction > 0 else ("minimum", "exclusiveMinimum")
    return next((float(cast("float", schema[one])) for one in names if _is_number(schema.get(one))), None)


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

"""Values that fit a JSON schema, checked by the jsonschema library."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from flowgate.embedded_upstream.schema_values import Values

TREE = {"type": "object", "properties": {"name": {"type": "string"}, "child": {"$ref": "#/$defs/node"}}}
STEP = {"type": "object", "properties": {"explanation": {"type": "string"}}, "required": ["explanation"]}
SCHEMAS: list[Any] = [
    {},
    {"type": "object"},
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"]},
    {"enum": ["x", 3, None]},
    {"type": "integer", "enum": ["1", 2]},
    {"const": {"a": [1]}},
    {"type": ["null", "string"], "minLength": 12},
    {"type": "string", "default": 5},
    {"type": "array", "items": {"type": "number", "minimum": 2.5}, "minItems": 3},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "integer"}, "minItems": 4, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}], "items": False, "minItems": 2},
    {"type": "array", "maxItems": 0, "items": {"type": "string"}},
    {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
    {"type": "string", "pattern": "^(feat|fix)(\\([a-z]+\\))?: .{3,}$"},
    {"type": "string", "pattern": "^#[0-9a-f]{6}$"},
    {"type": "string", "pattern": "^[^\\s@]+@[^\\s@]+\\.[a-z]{2,}$"},
    {"type": "string", "minLength": 30, "maxLength": 31},
    {"type": "string", "maxLength": 2},
    {"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]+$"},
    *({"type": "string", "format": name} for name in ("date", "date-time", "email", "ipv4", "ipv6", "uuid", "uri")),
    {"type": "integer", "minimum": 5, "maximum": 9, "multipleOf": 4},
    {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 2},
    {"type": "integer", "maximum": -7},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.1},
    {"type": "number", "minimum": -2, "maximum": -1.5},
    {"type": "number", "multipleOf": 0.5, "minimum": 0.7},
    {"anyOf": [{"type": "null"}, {"type": "integer"}]},
    {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "integer"}]},
    {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}], "type": "object"},
    {"type": "object", "minProperties": 2},
    {"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 2, "additionalProperties": False},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
    {"type": "object", "properties": {"a": {"type": "integer", "default": 7}}},
    {"$ref": "#/$defs/node", "$defs": {"node": TREE}},
    {"$ref": "#/$defs/node", "$defs": {"node": {**TREE, "required": ["name"], "additionalProperties": False}}},
    {"type": "array", "items": {"$ref": "#/$defs/Step"}, "$defs": {"Step": STEP}},
    {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"]},
]  # fmt: skip


def fits(schema: Any, value: object) -> None:
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(value)


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:60])
def test_a_value_fits_its_schema(schema: Any, everything: bool) -> None:
    if everything and "default" in schema:
        pytest.skip("a default of the wrong type is replaced")
    fits(schema, Values(schema, sentence="This is a sentence.", everything=everything).value(schema))


def test_arguments_have_the_required_properties_and_the_defaults_only() -> None:
    properties: Any = {"a": {"type": "string"}, "b": {"default": 7, "type": "integer"}, "c": {"type": "string"}}
    schema: Any = {"type": "object", "properties": properties, "required": ["a"]}
    assert Values(schema).value(schema) == {"a": "example", "b": 7}


def test_the_first_free_text_is_the_sentence() -> None:
    properties: Any = {"day": {"type": "string", "format": "date"}, "a": {"type": "string"}, "b": {"type": "string"}}
    schema: Any = {"type": "object", "properties": properties}
    found = Values(schema, sentence="I say", everything=True).value(schema)
    assert found == {"day": "2026-01-01", "a": "I say", "b": "example"}


@pytest.mark.parametrize(
    "schema", [True, None, "text", {"type": "odd"}, {"$ref": "#/none"}, {"pattern": "("}, {"enum": 3}]
)
def test_an_invalid_schema_is_no_error(schema: Any) -> None:
    Values({}).value(schema)


LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer", "minimum": 3},
        {"type": "boolean"},
        {"enum": ["a", 1]},
        {"type": "null"},
        {"type": "string", "minLength": 9},
        {"type": "number", "maximum": 0.5},
    ]
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.builds(
        lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 3)
    )
    properties = st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
    objects = st.builds(
        lambda found, count: {"type": "object", "properties": found, "required": sorted(found)[:count]},
        properties,
        st.integers(0, 4),
    )
    return st.one_of(arrays, objects, st.builds(lambda one, other: {"anyOf": [one, other]}, inner, inner))


@given(schema=st.recursive(LEAVES, _nested, max_leaves=12), everything=st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_value_fits_any_schema_of_these_parts(schema: Any, everything: bool) -> None:
    fits(schema, Values(schema, everything=everything).value(schema))

"""Config text as plain data: YAML and JSON."""

from __future__ import annotations

import json

import pytest

from flowgate.config.document import draft
from flowgate.errors import FlowGateError


@pytest.mark.parametrize(
    "tree",
    [{"a": "\U0001f600"}, {"a": "\\ud83d\\ude00"}, {"a": 1e22}, {"a": "x/y\t\n"}, {"on": "yes"}, {"": {"a": [None]}}],
)
@pytest.mark.parametrize("indent", [None, "\t", 2])
def test_json_is_read_as_a_json_parser_reads_it(tree: object, indent: str | int | None) -> None:
    assert draft(json.dumps(tree, indent=indent), "f.json").tree == tree


def test_json_numbers_and_escapes_that_yaml_reads_differently_are_correct() -> None:
    assert draft('{"a": 1e2, "b": "\\/"}', "f.json").tree == {"a": 100.0, "b": "/"}


def test_json_keys_have_lines_after_tabs() -> None:
    read = draft('{\n\t"a": {\n\t\t"b": [\n\t\t\t1,\n\t\t\t2]}}', "f.json")
    assert (read.place("a.b"), read.place("a.b.1")) == ("f.json:3", "f.json:5")


def test_a_duplicate_json_key_is_reported_with_both_lines() -> None:
    (error,) = draft('{"a": {"b": 1,\n"b": 2}}', "f.json").faults
    assert (error.place, error.fix) == ("f.json:2:1", "remove one; the first is in line 1")


def test_yaml_may_begin_with_a_brace() -> None:
    assert draft("{a: b, c: [d,]}", "f.yaml").tree == {"a": "b", "c": ["d"]}


@pytest.mark.parametrize(
    "text", ['{"a":' * 50_000, '{"a":' * 50_000 + "1" + "}" * 50_000, '{"a": [1 2}', '{"a": "\\ud800"}']
)
def test_text_that_is_neither_json_nor_yaml_is_reported_with_its_place(text: str) -> None:
    with pytest.raises(FlowGateError) as caught:
        draft(text, "f.json")
    assert caught.value.place.startswith("f.json:1:")


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n"])
def test_an_empty_text_is_rejected(text: str) -> None:
    with pytest.raises(FlowGateError, match=r"is empty|must be a mapping"):
        draft(text, "f.yaml")


def test_a_moved_key_keeps_its_lines() -> None:
    read = draft("a:\n  b:\n    c: 022\nab: 1\n", "f.yaml")
    read.move("a.b", "x")
    assert (read.place("x.c"), read.place("a.b.c"), read.written["x.c"]) == ("f.yaml:3", "f.yaml:3", "022")
    assert read.place("xb") == "f.yaml:1"

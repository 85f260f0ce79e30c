"""The reference of reports and its schema say what reports hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from flowgate.errors import Interrupted
from flowgate.playbook.report import COUNTERS, VERSION
from flowgate.playbook.report_schema import ERROR, RECAP, TASK, TOP, page, schema
from tests.unit.playbook.reports import data, ended

VALID = Draft202012Validator(schema())


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("tree", [data(), data(error=None), data(error=Interrupted("interrupted"))])
def test_reports_are_valid(tree: dict[str, Any]) -> None:
    VALID.validate(json.loads(json.dumps(tree)))


def test_every_key_is_described_and_none_that_is_not_there() -> None:
    tree = data()
    assert {one.name for one in TOP} == set(tree) - {"recap", "error", "tasks"}
    assert {one.name for one in TASK} == set(tree["tasks"][0]) - {"error"}
    assert {one.name for one in ERROR} == set(tree["error"])
    assert tuple(one.name for one in RECAP) == COUNTERS


@pytest.mark.parametrize("key", sorted(data()))
def test_a_key_that_is_missing_is_noticed(key: str) -> None:
    tree = data()
    del tree[key]
    assert not VALID.is_valid(tree)


def test_another_version_is_not_this_one() -> None:
    assert not VALID.is_valid({**data(ended("x", "unchanged")), "version": VERSION + 1})


def test_the_page_lists_every_key() -> None:
    assert [one.name for one in (*TOP, *TASK, *ERROR, *RECAP) if f"| `{one.name}` |" not in page()] == []

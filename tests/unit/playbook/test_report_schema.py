"""The JSON Schema and the reference page of reports match the reports."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from flowgate.errors import Interrupted
from flowgate.playbook.report import COUNTERS, VERSION, ErrorDocument, ReportDocument, TaskDocument
from flowgate.playbook.report_schema import ERROR, RECAP, TASK, TOP, page, schema
from tests.unit.playbook.reports import data, ended

VALID = Draft202012Validator(schema())


def test_the_schema_is_valid() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("document", [data(), data(error=None), data(error=Interrupted("interrupted"))])
def test_reports_are_valid(document: ReportDocument) -> None:
    VALID.validate(json.loads(json.dumps(document)))


def test_exactly_the_keys_of_a_report_are_described() -> None:
    assert {key.name for key in TOP} == ReportDocument.__annotations__.keys() - {"recap", "error", "tasks"}
    assert {key.name for key in TASK} == TaskDocument.__annotations__.keys() - {"error"}
    assert {key.name for key in ERROR} == ErrorDocument.__annotations__.keys()
    assert tuple(key.name for key in RECAP) == COUNTERS


@pytest.mark.parametrize("key", sorted(data()))
def test_a_report_without_one_of_its_keys_is_invalid(key: str) -> None:
    document = {name: value for name, value in data().items() if name != key}
    assert not VALID.is_valid(document)


def test_a_report_of_another_version_is_invalid() -> None:
    assert not VALID.is_valid({**data(ended("x", "unchanged")), "version": VERSION + 1})


def test_the_page_lists_every_key() -> None:
    assert [key.name for key in (*TOP, *TASK, *ERROR, *RECAP) if f"| `{key.name}` |" not in page()] == []

from __future__ import annotations

from pathlib import Path

import pytest
import xmlschema
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from flowgate.playbook.junit import Case, Suite, write
from flowgate.playbook.junit_report import junit
from tests.unit.playbook.reports import NASTY, data, ended

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("data") / "junit.xsd")


def read(text: str) -> list[TestSuite]:
    """Read a report as CI does."""
    return list(JUnitXml.fromstring(text.encode()))


def cases(suite: TestSuite) -> dict[str, TestCase]:
    return {case.name: case for case in suite}


def test_a_report_is_valid_under_the_strict_schema() -> None:
    SCHEMA.validate(junit(data()))


@pytest.mark.parametrize("started", ["", "2026-01-31T12:00:00.123Z"])
def test_a_report_without_tasks_is_valid(started: str) -> None:
    document = data(ended("x", "unchanged"), error=None, started=started)
    document["tasks"], document["playbook"] = [], ""
    SCHEMA.validate(junit(document))


def test_the_schema_rejects_a_wrong_order_and_a_time_zone() -> None:
    assert not SCHEMA.is_valid(junit(data()).replace("<properties>", "<properties/><properties>", 1))
    assert not SCHEMA.is_valid(junit(data()).replace("12:00:00", "12:00:00Z"))


def test_each_play_is_a_suite_with_its_counts() -> None:
    first, second = read(junit(data()))
    assert (first.name, first.tests, first.failures, first.errors, first.skipped) == ("First play", 6, 0, 0, 1)
    assert (second.name, second.tests, second.failures, second.errors, second.skipped) == ("Second. Play", 3, 1, 2, 0)
    assert (first.time, second.time) == (6.0, 4.0)


def test_a_failure_shows_the_location_the_error_the_log_and_the_resume_command() -> None:
    (found,) = cases(read(junit(data()))[1])["Refused"].result
    assert isinstance(found, Failure)
    assert (found.type, found.message) == ("NotReady", "Refused failed")
    assert (found.text or "").splitlines() == [
        "play.yml:3:5: Refused",
        "it did not come up",
        "at config.yaml:7",
        "| first",
        "| last",
        "fix: inv up",
        "to resume: inv play books/nightly.yml --start-at-task Refused",
    ]


@pytest.mark.parametrize("name", ["Bug", "Stopped"])
def test_a_bug_and_an_interruption_are_errors(name: str) -> None:
    (found,) = cases(read(junit(data()))[1])[name].result
    assert isinstance(found, Error)


def test_rescued_and_ignored_tasks_passed_and_skipped_tasks_have_a_reason() -> None:
    first = cases(read(junit(data()))[0])
    assert first["Rescued"].is_passed
    assert first["Ignored"].is_passed
    (found,) = first["Skipped"].result
    assert isinstance(found, Skipped)
    assert found.message == "Skipped skipped"


def test_the_class_name_is_playbook_and_play_without_further_dots() -> None:
    assert {case.classname for case in read(junit(data()))[1]} == {"nightly.Second Play"}


def test_forbidden_characters_are_replaced_and_markup_is_escaped() -> None:
    names = cases(read(junit(data()))[0])
    shown = NASTY.replace("\x1b", "\ufffd").replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert shown in names


def test_a_suite_of_any_origin_is_valid_and_counts_its_cases() -> None:
    cases = [Case("group", "a", 1.5), Case("group", "b", 0.5, "failed", "no", "CheckFailed", "at\x1b line 1")]
    text = write([Suite("rehearsal", "balanced", cases, properties={"mode": "quick"})])
    SCHEMA.validate(text)
    (found,) = read(text)
    assert (found.name, found.tests, found.failures, found.time) == ("balanced", 2, 1, 2.0)

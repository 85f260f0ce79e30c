from __future__ import annotations

from pathlib import Path

import pytest
import xmlschema
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from flowgate.playbook.junit import junit
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
def test_a_report_of_nothing_is_valid_too(started: str) -> None:
    tree = {**data(ended("x", "unchanged"), error=None, started=started), "tasks": [], "playbook": ""}
    SCHEMA.validate(junit(tree))


def test_the_schema_of_these_tests_can_refuse() -> None:
    assert not SCHEMA.is_valid(junit(data()).replace("<properties>", "<properties/><properties>", 1))
    assert not SCHEMA.is_valid(junit(data()).replace("12:00:00", "12:00:00Z"))


def test_a_reader_of_junit_sees_a_suite_for_each_play_with_its_counts() -> None:
    first, second = read(junit(data()))
    assert (first.name, first.tests, first.failures, first.errors, first.skipped) == ("First play", 6, 0, 0, 1)
    assert (second.name, second.tests, second.failures, second.errors, second.skipped) == ("Second. Play", 3, 1, 2, 0)
    assert (first.time, second.time) == (6.0, 4.0)


def test_a_failure_tells_the_place_the_error_the_log_and_the_way_on() -> None:
    (found,) = cases(read(junit(data()))[1])["Refused"].result
    assert isinstance(found, Failure)
    assert (found.type, found.message) == ("NotReady", "Refused failed")
    assert (found.text or "").splitlines() == [
        "play.yml:3:5: Refused",
        "it did not come up",
        "at config.yaml:7",
        "| first",
        "| last",
        "way out: inv up",
        "to resume: inv play books/nightly.yml --start-at-task Refused",
    ]


@pytest.mark.parametrize("name", ["Bug", "Stopped"])
def test_a_bug_and_an_interruption_are_errors(name: str) -> None:
    (found,) = cases(read(junit(data()))[1])[name].result
    assert isinstance(found, Error)


def test_what_was_rescued_or_ignored_passed_and_what_was_skipped_says_why() -> None:
    first = cases(read(junit(data()))[0])
    assert first["Rescued"].is_passed
    assert first["Ignored"].is_passed
    (found,) = first["Skipped"].result
    assert isinstance(found, Skipped)
    assert found.message == "Skipped skipped"


def test_a_play_is_a_class_of_its_playbook_and_dots_do_not_nest_it() -> None:
    assert {case.classname for case in read(junit(data()))[1]} == {"nightly.Second Play"}


def test_characters_that_xml_forbids_are_replaced_and_markup_is_text() -> None:
    names = cases(read(junit(data()))[0])
    shown = NASTY.replace("\x1b", "\ufffd").replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert shown in names

"""The JUnit report and the HTML page of a rehearsal."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import xmlschema

from flowgate.rehearsal import report
from tests.unit.rehearsal.results import rehearsal, scenario

JUNIT_SCHEMA = Path(__file__).parents[1] / "playbook" / "data" / "junit.xsd"


def suite() -> Xml.Element:
    result = rehearsal(scenario(), scenario("broken", name="hang"))
    found = Xml.fromstring(report.junit_report(result)).find("testsuite")  # noqa: S314 - our own text
    assert found is not None
    return found


def test_the_junit_report_has_one_suite_per_profile() -> None:
    counts = [suite().get(name) for name in ("name", "tests", "failures", "skipped")]
    assert counts == ["cost & more", "3", "1", "1"]


def test_the_junit_report_has_one_case_per_scenario() -> None:
    assert [case.get("name") for case in suite().findall("testcase")] == ["500", "hang", "recovery"]


def test_the_junit_report_is_valid() -> None:
    text = report.junit_report(rehearsal(scenario(), scenario("broken", name="hang")))
    xmlschema.XMLSchema(JUNIT_SCHEMA).validate(text)


def test_a_broken_promise_is_a_failure_in_the_junit_report() -> None:
    failure = suite().find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "cooldown: promised within 2 failed requests, observed <never>"


@pytest.mark.parametrize(
    ("verdicts", "heading"),
    [
        (["kept"], "no promise is broken"),
        (["broken"], "1 promise is broken"),
        (["broken", "broken"], "2 promises are broken"),
    ],
)
def test_the_page_starts_with_the_number_of_broken_promises(verdicts: list[str], heading: str) -> None:
    assert f"<h1>Rehearsal: {heading}</h1>" in report.page(rehearsal(*map(scenario, verdicts)))


def test_the_page_has_no_external_resources() -> None:
    assert not re.search(r"(src|href)=|@import|url\(", report.page(rehearsal(scenario())))


def test_the_page_is_well_formed_and_escapes_all_text() -> None:
    page = report.page(rehearsal(scenario("broken", fault_ended_at=1.0)))
    assert "&lt;never&gt;" in page
    assert "&lt;no&gt;" in page
    Xml.fromstring(page.removeprefix("<!doctype html>"))  # noqa: S314 - our own text


def test_a_timeline_has_a_bar_per_request_a_dot_per_attempt_and_the_end_of_the_fault() -> None:
    page = report.page(rehearsal(scenario(fault_ended_at=1.0)))
    assert (page.count("<rect"), page.count("<circle"), page.count("the fault ends")) == (3, 4, 1)
    assert page.count('class="primary failed"') == 3


def test_what_was_not_seen_of_a_deployed_gateway_is_no_success() -> None:
    found = rehearsal(scenario())
    found["profiles"][0]["not_exercised"] = {"shared <Redis>": "it has none"}
    cases = Xml.fromstring(report.junit_report(found)).iter("testcase")  # noqa: S314 - our own text
    skipped = {case.get("name") for case in cases if case.find("skipped") is not None}
    assert skipped == {"recovery", "shared <Redis>"}
    assert "Not exercised: shared &lt;Redis&gt; (it has none)" in report.page(found)

"""How a rehearsal is told: tables, a JUnit report, a page that stands alone."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from flowgate.cli import rehearse
from flowgate.rehearsal import report

BENCHED = {"scenario": "500", "promise": "benched", "promised": "after 2 failed", "observed": "<never>"}


def asked(at: float, seconds: float, by: str | None, message: str = "", **attempts: int) -> dict[str, Any]:
    return {"at": at, "seconds": seconds, "by": by, "attempts": attempts, "message": message}


def scene(verdict: str = "kept", over: float | None = None, name: str = "500") -> dict[str, Any]:
    questions = [asked(0, 0.5, "secondary", primary=2, secondary=1), asked(0.5, 0.1, None, "500 <no>", primary=1)]
    return {
        "scenario": name,
        "says": "the primary answers 500",
        "played": 1,
        "healthy": 0.05,
        "over": over,
        "asked": [*questions, asked(2.0, 0.1, "primary", primary=1)],
        "attempts": [
            *({"at": at, "role": "primary", "failed": True} for at in (0.1, 0.3, 0.5)),
            {"at": 0.4, "role": "secondary", "failed": False},
        ],
        "rows": [{**BENCHED, "verdict": verdict}],
    }


def facts(*scenes: dict[str, Any]) -> dict[str, Any]:
    rows = [row for one in scenes for row in one["rows"]]
    one = {
        "profile": "cost & more",
        "seconds": 31.5,
        "scale": 0.1,
        "asked": "router-default",
        "roles": {"big": "primary", "small": "secondary"},
        "litellm_only": False,
        "south": "the embedded upstream",
        "left_out": {"recovery": "needs a minute"},
        "settings_left_out": [],
        "rows": rows,
        "scenarios": list(scenes),
    }
    return {"profiles": [one], "broken": sum(row["verdict"] == "broken" for row in rows)}


def test_who_answered_what_arrived_and_when_the_primary_served_again_are_counted() -> None:
    found = scene(over=1.0)
    assert rehearse.answered(found) == "secondary 1, nobody 1, primary 1"
    assert rehearse.arrived(found) == {"primary": 3, "secondary": 1}
    assert (rehearse.again(found), rehearse.again(scene())) == ("after 1.1 s", "")


def test_a_primary_that_never_came_back_is_told_of() -> None:
    assert rehearse.again({**scene(), "over": 3.0}) == "never"


def test_the_heading_says_how_fast_time_goes() -> None:
    told = rehearse.heading(facts(scene())["profiles"][0])
    assert "LiteLLM over the embedded upstream" in told
    assert "10.00%" in told
    assert "1 s here stands for 10 s" in told


def test_the_junit_report_has_a_suite_a_profile_and_a_case_a_scenario() -> None:
    tree = Xml.fromstring(report.junit(facts(scene(), scene("broken", name="hang"))))  # noqa: S314 - our own text
    suite = tree.find("testsuite")
    assert suite is not None
    counts = [suite.get(name) for name in ("name", "tests", "failures", "skipped")]
    assert counts == ["cost & more", "3", "1", "1"]
    assert [case.get("name") for case in suite.findall("testcase")] == ["500", "hang", "recovery"]
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "benched: after 2 failed, seen <never>"


@pytest.mark.parametrize(("verdict", "told"), [("kept", "no promise is broken"), ("broken", "1 promise is broken")])
def test_the_page_says_at_its_top_what_came_of_it(verdict: str, told: str) -> None:
    assert f"<h1>A rehearsal: {told}</h1>" in report.page(facts(scene(verdict)))


def test_the_page_needs_nothing_from_elsewhere_and_shows_nothing_unescaped() -> None:
    page = report.page(facts(scene("broken", over=1.0)))
    assert not re.search(r"(src|href)=|@import|url\(", page)
    assert "<never>" not in page
    assert "<no>" not in page
    Xml.fromstring(page.removeprefix("<!doctype html>").replace('<meta charset="utf-8">', ""))  # noqa: S314


def test_a_timeline_has_a_bar_a_question_a_dot_an_attempt_and_the_faults_end() -> None:
    page = report.page(facts(scene(over=1.0)))
    assert (page.count("<rect"), page.count("<circle"), page.count("the fault ends")) == (3, 4, 1)
    assert page.count('fill="none"') == 3  # those that failed

"""Write JUnit XML.

The output is valid under the schema of Ant's JUnit task and under the one that Jenkins uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.etree import ElementTree as Xml

from flowgate.playbook.report import printable

CaseResult = Literal["passed", "skipped", "failed", "error"]


@dataclass(frozen=True, slots=True)
class Case:
    """One test case.

    Attributes:
        classname: Group of the case, for example `playbook.play`.
        name: Name of the case.
        seconds: Duration.
        result: "failed" means that a check failed, "error" that something else went wrong.
        message: One sentence that says why the case was skipped or how it failed.
        kind: Type of the failure, for example the name of an exception.
        detail: Full text of the failure.
    """

    classname: str
    name: str
    seconds: float
    result: CaseResult = "passed"
    message: str = ""
    kind: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """One test suite.

    Attributes:
        package: Group of the suite, for example the name of the playbook.
        name: Name of the suite.
        cases: Test cases in the order in which they ran.
        started: RFC 3339 time of the start in UTC; empty when it is unknown.
        properties: Further facts about the suite.
        output: Text of `system-out`.
        errors: Text of `system-err`.
    """

    package: str
    name: str
    cases: Sequence[Case]
    started: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    output: str = ""
    errors: str = ""


def write(suites: Sequence[Suite]) -> str:
    """Write test suites as a JUnit XML document.

    Characters that XML forbids are replaced. Names and messages are written on one line.

    Args:
        suites: Suites in the order in which they ran.

    Returns:
        The document, with its XML declaration.
    """
    root = Xml.Element("testsuites")
    root.extend(_suite(number, suite) for number, suite in enumerate(suites))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def one_line(text: str) -> str:
    """Replace the characters that XML forbids and join the words with single blanks."""
    return " ".join(printable(text).split())


def _suite(number: int, suite: Suite) -> Xml.Element:
    results = [case.result for case in suite.cases]
    attributes = {
        "id": str(number),
        "package": one_line(suite.package),
        "name": one_line(suite.name),
        "hostname": "localhost",
        "timestamp": suite.started[:19] or "1970-01-01T00:00:00",  # the schema allows no time zone
        "tests": str(len(results)),
        "failures": str(results.count("failed")),
        "errors": str(results.count("error")),
        "skipped": str(results.count("skipped")),
        "time": f"{sum(case.seconds for case in suite.cases):.3f}",
    }
    # The schema requires this order: properties, test cases, system-out, system-err.
    element = Xml.Element("testsuite", attributes)
    properties = Xml.SubElement(element, "properties")
    for name, value in suite.properties.items():
        Xml.SubElement(properties, "property", {"name": name, "value": printable(value)})
    element.extend(_case(case) for case in suite.cases)
    Xml.SubElement(element, "system-out").text = printable(suite.output)
    Xml.SubElement(element, "system-err").text = printable(suite.errors)
    return element


def _case(case: Case) -> Xml.Element:
    attributes = {"classname": case.classname, "name": one_line(case.name), "time": f"{case.seconds:.3f}"}
    element = Xml.Element("testcase", attributes)
    if case.result == "skipped":
        Xml.SubElement(element, "skipped", {"message": one_line(case.message)})
    elif case.result != "passed":
        tag = "failure" if case.result == "failed" else "error"
        failure = Xml.SubElement(element, tag, {"type": case.kind, "message": one_line(case.message)})
        failure.text = printable(case.detail)
    return element

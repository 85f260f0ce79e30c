"""A report as JUnit XML: a suite for each play, a case for each task.

Valid under the strict schema of Ant's JUnit task and under the one that Jenkins uses: their common part is small.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any
from xml.etree import ElementTree as Xml

from flowgate.playbook.report import MARKS, printable


def junit(tree: dict[str, Any]) -> str:
    """Write a report as JUnit XML.

    A task that failed is a failure, one that was interrupted or has a bug is an error; one that was skipped is skipped;
    rescued and ignored ones passed, as the play went on.
    Source: the schema allows `properties`, cases, `system-out`, `system-err`, in this order, and no time zone

    Args:
        tree: As `report.tree` gives it.
    """
    root = Xml.Element("testsuites")
    plays: dict[str, list[dict[str, Any]]] = {}
    for task in tree["tasks"]:
        plays.setdefault(task["play"], []).append(task)
    for index, (play, tasks) in enumerate((plays or {"": []}).items()):
        root.append(_suite(tree, index, play, tasks))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _suite(tree: dict[str, Any], index: int, play: str, tasks: list[dict[str, Any]]) -> Xml.Element:
    package = _token(PurePath(tree["playbook"]).stem) or "playbook"
    name = _token(play) or package
    cases = [_case(f"{package}.{_token(name.replace('.', ' ')) or package}", task, tree["resume"]) for task in tasks]
    suite = Xml.Element(
        "testsuite",
        {
            "id": str(index),
            "package": package,
            "name": name,
            "hostname": "localhost",
            "timestamp": tree["started"][:19] or "1970-01-01T00:00:00",
            "tests": str(len(cases)),
            "failures": str(sum(case.find("failure") is not None for case in cases)),
            "errors": str(sum(case.find("error") is not None for case in cases)),
            "skipped": str(sum(case.find("skipped") is not None for case in cases)),
            "time": f"{sum(task['seconds'] for task in tasks):.3f}",
        },
    )
    properties = Xml.SubElement(suite, "properties")
    known = {"playbook": tree["playbook"], "check": str(tree["check"]).lower(), "code": str(tree["code"])}
    for key, value in {**known, "resume": tree["resume"]}.items():
        Xml.SubElement(properties, "property", {"name": key, "value": printable(value)})
    suite.extend(cases)
    Xml.SubElement(suite, "system-out").text = "".join(printable(_line(task)) for task in tasks)
    Xml.SubElement(suite, "system-err").text = "\n".join(printable(_told(task, "")) for task in tasks if task["error"])
    return suite


def _case(classname: str, task: dict[str, Any], resume: str) -> Xml.Element:
    name = _token(task["task"]) or task["step"]
    case = Xml.Element("testcase", {"classname": classname, "name": name, "time": f"{task['seconds']:.3f}"})
    if task["status"] == "skipped":
        Xml.SubElement(case, "skipped", {"message": _token(task["message"])})
    elif task["status"] == "failed":
        error = task["error"]
        is_fault = not error["bug"] and error["kind"] != "Interrupted"
        told = {"type": error["kind"], "message": _token(task["message"])}
        Xml.SubElement(case, "failure" if is_fault else "error", told).text = printable(_told(task, resume))
    return case


def _line(task: dict[str, Any]) -> str:
    return f"{MARKS[task['status']]} {_token(task['task'])}  {_token(task['message'])}  {task['seconds']:.2f} s\n"


def _told(task: dict[str, Any], resume: str) -> str:
    """Tell a failure in full: the place, the error, the log, the ways out."""
    error = task["error"]
    lines = [f"{task['place']}: {task['task']}", error["what"]]
    lines += [f"at {error['place']}"] if error["place"] else []
    lines += [f"| {line}" for line in error["log"]]
    lines += [f"way out: {error['fix']}"] if error["fix"] else []
    lines += [f"to resume: {resume}"] if resume else []
    return "\n".join(lines) + "\n"


def _token(text: str) -> str:
    return " ".join(printable(text).split())

"""Convert the report of a run to JUnit test suites: a suite for each play, a case for each task."""

from __future__ import annotations

from pathlib import PurePath

from flowgate.playbook.junit import Case, CaseResult, Suite, one_line, write
from flowgate.playbook.report import MARKS, ReportDocument, TaskDocument


def junit(document: ReportDocument) -> str:
    """Write a report as JUnit XML.

    A failed task is a failure. An interrupted task and a bug are errors. Rescued and ignored tasks passed, because the
    play continued after them.

    Args:
        document: The report, from `report.report_document`.

    Returns:
        The XML document.
    """
    plays: dict[str, list[TaskDocument]] = {}
    for task in document["tasks"]:
        plays.setdefault(task["play"], []).append(task)
    return write([_suite(document, play, tasks) for play, tasks in (plays or {"": []}).items()])


def _suite(document: ReportDocument, play: str, tasks: list[TaskDocument]) -> Suite:
    package = one_line(PurePath(document["playbook"]).stem) or "playbook"
    name = one_line(play) or package
    group = one_line(name.replace(".", " ")) or package  # readers split a class name at its dots
    return Suite(
        package=package,
        name=name,
        cases=[_case(f"{package}.{group}", task, document["resume"]) for task in tasks],
        started=document["started"],
        properties={
            "playbook": document["playbook"],
            "check": str(document["check"]).lower(),
            "code": str(document["code"]),
            "resume": document["resume"],
        },
        output="".join(_line(task) for task in tasks),
        errors="\n".join(_failure(task, "") for task in tasks if task["error"]),
    )


def _case(classname: str, task: TaskDocument, resume: str) -> Case:
    name, error = one_line(task["task"]) or task["step"], task["error"]
    if task["status"] == "skipped":
        return Case(classname, name, task["seconds"], "skipped", task["message"])
    if task["status"] != "failed" or error is None:
        return Case(classname, name, task["seconds"])
    result: CaseResult = "error" if error["bug"] or error["kind"] == "Interrupted" else "failed"
    return Case(classname, name, task["seconds"], result, task["message"], error["kind"], _failure(task, resume))


def _line(task: TaskDocument) -> str:
    return f"{MARKS[task['status']]} {one_line(task['task'])}  {one_line(task['message'])}  {task['seconds']:.2f} s\n"


def _failure(task: TaskDocument, resume: str) -> str:
    """Describe a failure: the task, the error, its log, the fix and the command that resumes the run."""
    lines = [f"{task['place']}: {task['task']}"]
    if error := task["error"]:
        lines += [error["what"]]
        lines += [f"at {error['place']}"] if error["place"] else []
        lines += [f"| {line}" for line in error["log"]]
        lines += [f"fix: {error['fix']}"] if error["fix"] else []
    lines += [f"to resume: {resume}"] if resume else []
    return "\n".join(lines) + "\n"

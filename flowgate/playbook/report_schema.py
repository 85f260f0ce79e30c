"""The keys of `--report-json`. The reference page and the JSON Schema are generated from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowgate.playbook.report import COUNTED, VERSION

Schema = dict[str, object]  # JSON Schema

SCHEMAS: Mapping[str, Schema] = {
    "text": {"type": "string"},
    "seconds": {"type": "number", "minimum": 0},
    "count": {"type": "integer", "minimum": 0},
    "true or false": {"type": "boolean"},
    "version": {"const": VERSION},
    "exit code": {"enum": [0, 1, 2, 3, 70, 130]},
    "time": {"type": "string", "format": "date-time"},
    "status": {"enum": list(COUNTED)},
    "list of text": {"type": "array", "items": {"type": "string"}},
    "anything": {"type": "object"},
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the report.

    Attributes:
        name: The key.
        kind: Type of its value: a key of `SCHEMAS`.
        meaning: Description.
    """

    name: str
    kind: str
    meaning: str


TOP = (
    Key(
        "version",
        "version",
        "increases when a key is removed or changes its meaning; keys may be added",
    ),
    Key("playbook", "text", "path of the playbook"),
    Key("started", "time", "RFC 3339, in UTC"),
    Key("check", "true or false", "whether the run was in check mode (`--check`)"),
    Key(
        "code",
        "exit code",
        "0 success, 1 check failed, 2 wrong input, 3 environment refused, 70 bug, 130 interrupted",
    ),
    Key("seconds", "seconds", "duration"),
    Key("resume", "text", "command that resumes a failed run; empty when the run succeeded"),
)
RECAP = (
    Key("ok", "count", "tasks that succeeded; includes changed and ignored tasks"),
    Key("changed", "count", "tasks that changed something; in check mode: that would change something"),
    Key(
        "unreachable",
        "count",
        "hosts that could not be reached, in a run over several hosts (`--inventory`); 0 on one machine",
    ),
    Key("failed", "count", "failures that were neither rescued nor ignored"),
    Key("skipped", "count", "tasks whose condition did not hold"),
    Key("rescued", "count", "failures that a `rescue`, or another attempt of a block, made up for"),
    Key("ignored", "count", "failures under `ignore_errors`"),
)
TASK = (
    Key("play", "text", "name of its play"),
    Key("task", "text", "its rendered name; its step and parameters when it has no name"),
    Key("step", "text", "word of its step"),
    Key(
        "status",
        "status",
        "`unchanged`: nothing to do; `rescued`, `ignored`: it failed and the play continued",
    ),
    Key("message", "text", "one sentence for people"),
    Key("began", "seconds", "seconds after the start of the run"),
    Key("seconds", "seconds", "duration"),
    Key("place", "text", "`file:line:column`"),
    Key(
        "facts",
        "anything",
        "what the step returned; secrets are masked, unknown types are written as text",
    ),
    Key("unpredicted", "text", "in check mode: why the work cannot be predicted; empty when it can"),
)
ERROR = (
    Key("kind", "text", "name of the error (`CheckFailed`, `NotReady`, `Unreachable` …) or type of the exception"),
    Key("bug", "true or false", "whether it is a bug"),
    Key("what", "text", "one sentence"),
    Key("fix", "text", "what to do; may be empty"),
    Key("place", "text", "`file:line[:column]`; may be empty"),
    Key("log", "list of text", "last lines of the log that explain it, oldest first"),
)
HEAD = """# Reports

Generated from the code by `inv docs`; do not edit. `inv play NAME` has these options, each with the name of a file:

- `--report-json`: the keys below; `report.schema.json` beside this page is their JSON Schema;
- `--report-junit`: JUnit XML for CI: a suite for each play, a case for each task. A failed task is a failure; an
  interrupted task and a bug are errors; rescued and ignored tasks passed;
- `--report-html`: one HTML page with a timeline. It uses no scripts, no other files and no network.

Reports are written after the run, also when it failed. A playbook that is rejected before the run leaves no report.
Keys and passwords are masked. If the folder of a report does not exist, the command is rejected before the run.
"""
TABLES = (("The report", TOP), ("`recap`", RECAP), ("Each of `tasks`", TASK), ("`error`", ERROR))
AFTER = {
    "The report": (
        ("recap", "mapping", "counters, with the same meaning as in Ansible"),
        ("error", "mapping or null", "the error that ended the run"),
        (
            "tasks",
            "list of mappings",
            "in the order in which they ended (parallel tasks: as written); once for each attempt of a block",
        ),
    ),
    "Each of `tasks`": (("error", "mapping or null", "the error of a failed, rescued or ignored task"),),
}


def page() -> str:
    """Generate the reference page of reports."""
    lines = [HEAD]
    for title, keys in TABLES:
        rows = [*((key.name, key.kind, key.meaning) for key in keys), *AFTER.get(title, ())]
        lines += [f"## {title}", "", "| key | type | meaning |", "|---|---|---|"]
        lines += [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in rows]
        lines.append("")
    return "\n".join(lines)


def schema() -> Schema:
    """Generate the JSON Schema of `--report-json`."""
    error: Schema = {"anyOf": [{"type": "null"}, _object(ERROR)]}
    tasks: Schema = {"type": "array", "items": _object(TASK, error=error)}
    top = _object(TOP, recap=_object(RECAP), error=error, tasks=tasks)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "FlowGate report", **top}


def _object(keys: tuple[Key, ...], **more: Schema) -> Schema:
    known = {key.name: {**SCHEMAS[key.kind], "description": key.meaning} for key in keys}
    properties = {**known, **more}
    return {"type": "object", "properties": properties, "required": list(properties)}

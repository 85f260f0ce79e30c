"""Every key of `--report-json`, once: what the reference page and its schema are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowgate.playbook.report import VERSION

STATUSES = ("unchanged", "changed", "skipped", "failed", "rescued", "ignored")
SCHEMAS: Mapping[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "seconds": {"type": "number", "minimum": 0},
    "count": {"type": "integer", "minimum": 0},
    "true or false": {"type": "boolean"},
    "version": {"const": VERSION},
    "exit code": {"enum": [0, 1, 2, 3, 70, 130]},
    "time": {"type": "string", "format": "date-time"},
    "status": {"enum": list(STATUSES)},
    "list of texts": {"type": "array", "items": {"type": "string"}},
    "anything": {"type": "object"},
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key. kind: what it holds, a word of `SCHEMAS`."""

    name: str
    kind: str
    meaning: str


TOP = (
    Key("version", "version", "of this format: grows when a key changes its meaning or leaves; new keys may come"),
    Key("playbook", "text", "the file"),
    Key("started", "time", "RFC 3339, in UTC"),
    Key("check", "true or false", "whether it only looked (`--check`)"),
    Key("code", "exit code", "0 done, 1 a check said no, 2 written wrong, 3 refused, 70 a bug, 130 interrupted"),
    Key("seconds", "seconds", "how long it took"),
    Key("resume", "text", "the command that goes on where it failed; empty when it did not"),
)
RECAP = (
    Key("ok", "count", "tasks that went well, changed and ignored ones too"),
    Key("changed", "count", "tasks that changed something; in a check: that would"),
    Key("unreachable", "count", "always 0: there is one host, this machine"),
    Key("failed", "count", "failures that nothing rescued or ignored"),
    Key("skipped", "count", "tasks whose condition did not hold"),
    Key("rescued", "count", "failures that a `rescue`, or another try of a block, made good"),
    Key("ignored", "count", "failures under `ignore_errors`"),
)
TASK = (
    Key("play", "text", "the name of its play"),
    Key("task", "text", "its name, rendered; made from the step and its parameters when it has none"),
    Key("step", "text", "the step's word"),
    Key("status", "status", "`same` is found as wanted; `rescued` and `ignored` are failures the play went on after"),
    Key("message", "text", "one sentence for people"),
    Key("began", "seconds", "after the start of the run"),
    Key("seconds", "seconds", "how long it took"),
    Key("place", "text", "`file:line:column`"),
    Key("facts", "anything", "what `register` keeps; texts that are no JSON are written as text, secrets are masked"),
    Key("unpredicted", "text", "in a check: why it cannot tell what a run would do; empty when it can"),
)
ERROR = (
    Key("kind", "text", "the refusal's name (`CheckFailed`, `NotReady`, `Unreachable` …), or a bug's type"),
    Key("bug", "true or false", "whether it is a bug and no refusal"),
    Key("what", "text", "one sentence"),
    Key("fix", "text", "the way out; may be empty"),
    Key("place", "text", "`file:line[:column]`; may be empty"),
    Key("log", "list of texts", "the last lines of the log that explain it, oldest first"),
)
HEAD = """# Reports

Generated from the code by `inv docs`; do not edit. `inv play NAME` takes, each with the name of a file:

- `--report-json`: the keys below; `report.schema.json` beside this page is their JSON Schema;
- `--report-junit`: JUnit XML for CI: a suite for each play, a case for each task. A task that failed is a failure,
  one that was interrupted or has a bug is an error, a skipped one is skipped; rescued and ignored ones passed;
- `--report-html`: one page with a timeline, for a browser. It needs nothing else: no script, no other file, no network.

They are written when the playbook has run, also when it failed; one that is refused before anything runs leaves none.
Keys and passwords are masked in all of them. A folder that is not there is refused before anything runs.
"""
TABLES = (("The report", TOP), ("`recap`", RECAP), ("Each of `tasks`", TASK), ("`error`", ERROR))
AFTER = {
    "The report": (
        ("recap", "mapping", "counters, as Ansible counts"),
        ("error", "mapping or null", "what ended the run"),
        (
            "tasks",
            "list of mappings",
            "in the order they ended (side by side: as they are written); each try of a block again",
        ),
    ),
    "Each of `tasks`": (("error", "mapping or null", "how it failed; also of rescued and ignored ones"),),
}


def page() -> str:
    """Write the reference page of reports."""
    lines = [HEAD]
    for title, keys in TABLES:
        rows = [*((key.name, key.kind, key.meaning) for key in keys), *AFTER.get(title, ())]
        lines += [f"## {title}", "", "| key | holds | meaning |", "|---|---|---|"]
        lines += [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in rows]
        lines.append("")
    return "\n".join(lines)


def schema() -> dict[str, Any]:
    """Give the JSON Schema of `--report-json`."""
    error = {"anyOf": [{"type": "null"}, _object(ERROR)]}
    tasks = {"type": "array", "items": _object(TASK, error=error)}
    top = _object(TOP, recap=_object(RECAP), error=error, tasks=tasks)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "FlowGate report", **top}


def _object(keys: tuple[Key, ...], **more: dict[str, Any]) -> dict[str, Any]:
    known = {key.name: {**SCHEMAS[key.kind], "description": key.meaning} for key in keys}
    properties = {**known, **more}
    return {"type": "object", "properties": properties, "required": list(properties)}

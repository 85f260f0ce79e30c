"""Conformance cases: playbooks that FlowGate and Ansible can both run, with the expected result in a comment.

To add a case, write `NAME.yml` beside this file. It starts with a comment: a sentence, then `counts:` and `events:`.
Where FlowGate differs from Ansible on purpose, `differs:` is the left cell of a row in the table of docs/playbooks.md,
and `ansible:` is the result of Ansible. `pytest tests/conformance -k NAME` shows the actual result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
COUNTERS = ("ok", "changed", "failed", "skipped", "rescued", "ignored")
OPTIONS = ("extra", "start_at", "check", "refused", "differs")
HEADER = (*OPTIONS, "counts", "events", "tags", "skip_tags", "ansible")

Event = tuple[str, str]  # status and name of a task


@dataclass(frozen=True, slots=True)
class Observed:
    """What happened in a run.

    Attributes:
        counts: Counters of the recap.
        events: Status and name of each task, in the order in which they ended.
    """

    counts: Mapping[str, int]
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        path: The playbook, without hosts.
        expected: Expected result of FlowGate; None when it must reject the playbook.
        ansible: Expected result of Ansible.
        differs: The left cell of the row in docs/playbooks.md that explains a difference; empty for none.
        refused: Part of the error message when FlowGate must reject the playbook.
        extra: Variables for `-e`.
        tags: Tags for `--tags`.
        skip_tags: Tags for `--skip-tags`.
        start_at: Name for `--start-at-task`.
        check: Whether to run in check mode.
    """

    path: Path
    expected: Observed | None
    ansible: Observed
    differs: str = ""
    refused: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    start_at: str = ""
    check: bool = False

    @property
    def name(self) -> str:
        return self.path.stem


def read(path: Path) -> Case:
    """Read a case from the comment at the top of a playbook."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = [line.removeprefix("#").removeprefix(" ") for line in lines[: _length(lines)]]
    header = yaml.safe_load("\n".join(comment[1:]))
    assert isinstance(header, dict), f"{path.name}: expected a comment: a sentence, then `counts:` and `events:`"
    assert not header.keys() - set(HEADER), f"{path.name}: unknown keys {sorted(header.keys() - set(HEADER))}"
    expected = None if "refused" in header else _observed(header)
    ansible = _observed(header["ansible"]) if "ansible" in header else expected
    assert ansible is not None, f"{path.name}: `ansible:` is missing"
    options: dict[str, Any] = {name: tuple(header[name]) for name in ("tags", "skip_tags") if name in header}
    options |= {name: header[name] for name in OPTIONS if name in header}
    return Case(path, expected, ansible, **options)


def _length(lines: list[str]) -> int:
    return next(number for number, line in enumerate(lines) if not line.startswith("#"))


def _observed(header: Mapping[str, Any]) -> Observed:
    assert not header["counts"].keys() - set(COUNTERS)
    events = [next(iter(one.items())) for one in header["events"] or ()]
    return Observed({name: header["counts"].get(name, 0) for name in COUNTERS}, tuple(events))


def case_name(case: Case) -> str:
    """Return the name of a case for pytest."""
    return case.name


CASES = [read(path) for path in sorted(FOLDER.glob("*.yml"))]

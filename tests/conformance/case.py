"""One behaviour: a playbook that both engines can run, and what must come of it, written above it as a comment.

To add one: write `NAME.yml` beside this file: its first line a sentence, then `counts:` and `events:`, as a comment.
Where the engines differ on purpose, `differs:` holds the left side of the table's row, and `ansible:` what comes of it
there. `pytest tests/conformance -k NAME` says what came instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
COUNTERS = ("ok", "changed", "failed", "skipped", "rescued", "ignored")
WORDS = ("extra", "start_at", "check", "refused", "differs")
HEADER = (*WORDS, "counts", "events", "tags", "skip_tags", "ansible")

Event = tuple[str, str]  # how a task ended, and its name


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a run.

    counts: the counters of the recap; events: tasks as they ended, in order
    """

    counts: Mapping[str, int]
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A behaviour.

    path: its playbook, which names no hosts
    expected: what must come of it here; None where it must be refused
    ansible: what must come of it there, where that differs on purpose
    differs: the words on the left of the row of docs/playbooks.md that says so; empty where the engines agree
    refused: what the refusal says; empty where there must be none
    extra: variables for `-e`; tags, skip_tags, start_at, check: as on the command line
    """

    path: Path
    expected: Came | None
    ansible: Came
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
    """Read the comment at the top of a playbook: one sentence, then a YAML mapping."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = [line.removeprefix("#").removeprefix(" ") for line in lines[: _length(lines)]]
    header = yaml.safe_load("\n".join(comment[1:]))
    assert isinstance(header, dict), f"{path.name}: the comment at the top is a sentence, then `counts:` and `events:`"
    assert not header.keys() - set(HEADER), f"{path.name}: unknown words {sorted(header.keys() - set(HEADER))}"
    expected = None if "refused" in header else _came(header)
    ansible = _came(header["ansible"]) if "ansible" in header else expected
    assert ansible is not None, f"{path.name}: say under `ansible:` what comes of it there"
    options: dict[str, Any] = {name: tuple(header[name]) for name in ("tags", "skip_tags") if name in header}
    options |= {name: header[name] for name in WORDS if name in header}
    return Case(path, expected, ansible, **options)


def _length(lines: list[str]) -> int:
    return next(number for number, line in enumerate(lines) if not line.startswith("#"))


def _came(header: Mapping[str, Any]) -> Came:
    assert not header["counts"].keys() - set(COUNTERS)
    events = [next(iter(one.items())) for one in header["events"] or ()]
    return Came({name: header["counts"].get(name, 0) for name in COUNTERS}, tuple(events))


def named(case: Case) -> str:
    """Give a test's name."""
    return case.name


CASES = [read(path) for path in sorted(FOLDER.glob("*.yml"))]

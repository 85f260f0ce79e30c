"""The answers of the model, as a file: asking takes minutes, drawing them does not."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dev.scale import accounts, checks, questions
from dev.scale.accounts import Day, Pool
from dev.scale.checks import Check
from dev.scale.questions import Phase, Size, Story

FILE = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True)
class Results:
    """All answers.

    Attributes:
        checks: The model beside what was measured.
        sizes: What rates of requests ask of each part.
        stories: Runs with an event in them, by question.
        days: A day of accounts with quotas.
    """

    checks: list[Check]
    sizes: list[Size]
    stories: dict[str, list[Story]]
    days: list[Day]


def ask() -> Results:
    """Ask the model everything. It takes minutes.

    Returns:
        The answers; the same each time.
    """
    return Results(
        checks=checks.run(),
        sizes=[questions.size(rate) for rate in questions.SIZES],
        stories={name: [run() for run in runs] for name, runs in questions.STORIES.items()},
        days=[accounts.day(pool) for pool in accounts.POOLS],
    )


def write(results: Results, path: Path = FILE) -> None:
    """Write answers as JSON.

    Args:
        results: The answers.
        path: The file.
    """
    path.write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")


def read(path: Path = FILE) -> Results:
    """Read the answers.

    Args:
        path: The file.
    """
    tree = json.loads(path.read_text(encoding="utf-8"))
    return Results(
        checks=[Check(**one) for one in tree["checks"]],
        sizes=[Size(**one) for one in tree["sizes"]],
        stories={name: [_story(one) for one in found] for name, found in tree["stories"].items()},
        days=[Day(**{**one, "pool": Pool(**one["pool"])}) for one in tree["days"]],
    )


def _story(tree: dict[str, object]) -> Story:
    phases, by_second, dead = tree["phases"], tree["by_second"], tree["dead_by_second"]
    assert isinstance(phases, list)
    assert isinstance(by_second, list)
    assert isinstance(dead, list)
    lists = {
        "phases": [Phase(**one) for one in phases],
        "by_second": [(at, value) for at, value in by_second],
        "dead_by_second": [(at, value) for at, value in dead],
    }
    return Story(**{**tree, **lists})  # type: ignore[arg-type]  # as `write` wrote it

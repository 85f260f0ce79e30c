"""The list of all tasks: every task stands in one group, and a new one is not forgotten."""

from __future__ import annotations

import pytest

from flowgate.cli import help as task_help
from flowgate.cli.help import GROUPS, TaskHelp, grouped
from flowgate.cli.main import load_tasks

ALL = task_help.describe(load_tasks())


def test_every_task_stands_in_one_group() -> None:
    found = [task.name for tasks in grouped(ALL).values() for task in tasks]
    assert sorted(found) == sorted(task.name for task in ALL)


def test_every_word_of_a_group_is_that_of_a_task() -> None:
    words = [word for words in GROUPS.values() for word in words]
    assert sorted(words) == sorted({task.name.partition(".")[0] for task in ALL})


def test_a_task_without_a_group_is_listed_last_in_the_first_one() -> None:
    groups = grouped([TaskHelp("new", "Do.", ()), TaskHelp("up", "Start.", ())])
    assert {heading: [task.name for task in tasks] for heading, tasks in groups.items()} == {
        "run the gateway": ["up", "new"]
    }


def test_the_help_prints_headings_and_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    task_help.show("", ALL)
    lines = capsys.readouterr().out.splitlines()
    assert "policies:" in lines
    assert lines.index("run the gateway:") < lines.index("develop FlowGate:")
    assert any(line.startswith("  profile set  ") for line in lines)

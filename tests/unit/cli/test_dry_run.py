"""Check mode on the command line: which tasks have it, and what is said where another word for it is typed."""

from __future__ import annotations

import pytest

from flowgate.cli import argv, dry_run
from flowgate.cli import help as task_help
from flowgate.cli.main import load_tasks
from flowgate.errors import UsageError

COLLECTION = load_tasks()
TASKS = sorted(COLLECTION.task_names)
# Tasks that change something and cannot tell what beforehand.
UNPREDICTABLE = {
    *("ask", "dashboard", "mcp", "rehearse", "init", "auth.login", "auth.import-headless", "run"),
    *("client.rotate", "client.run", "client.test", "service.recover", "security.install-hook"),
    *("test", "lint", "format", "typecheck", "docs", "ci", "bench", "build", "release", "clean"),
}
WITH_CHECK = {"play", "client.add", "client.remove", "docs", "export.kubernetes", "export.compose", "export.systemd"}
WITH_CHECK |= {"export.ansible"}


def refused(task: str, flag: str) -> UsageError:
    described = task_help.describe_task(COLLECTION, task).arguments
    words = ["x" for one in described if one.positional]
    with pytest.raises(UsageError) as error:
        argv.parse([task, *words, flag], TASKS, lambda name: task_help.describe_task(COLLECTION, name).arguments)
    return error.value


@pytest.mark.parametrize("task", TASKS)
def test_every_task_predicts_only_reads_or_is_known_to_do_neither(task: str) -> None:
    assert task in dry_run.CHECKED or task in dry_run.READING or task in UNPREDICTABLE


@pytest.mark.parametrize("task", [one for one in TASKS if one not in WITH_CHECK])
def test_another_word_for_check_mode_is_answered_with_what_the_task_has(task: str) -> None:
    for flag in (*dry_run.PREDICT, dry_run.SHOW_LINES):
        error = refused(task, flag)
        offers_dry = f"inv {task} --dry" in error.fix or "--dry names the changes" in error.fix
        assert "--help" not in error.fix
        assert offers_dry == (task in dry_run.CHECKED)


@pytest.mark.parametrize("task", ["client.rotate", "auth.login", "init", "rehearse", "service.recover"])
def test_what_cannot_predict_says_so(task: str) -> None:
    assert "cannot predict" in refused(task, "--check").fix


@pytest.mark.parametrize(("task", "fix"), [("status", "changes nothing"), ("doctor", "without --fix changes nothing")])
def test_what_only_reads_says_so(task: str, fix: str) -> None:
    assert fix in refused(task, "--check").fix


@pytest.mark.parametrize("flag", ["--check", "--dry-run", "--diff"])
def test_before_the_task_too(flag: str) -> None:
    with pytest.raises(UsageError) as error:
        argv.parse([flag, "up"], TASKS, lambda name: task_help.describe_task(COLLECTION, name).arguments)
    assert "inv up --dry" in error.value.fix


@pytest.mark.parametrize("task", TASKS)
def test_help_lists_dry_where_it_predicts_something(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    task_help.show(task, task_help.describe(COLLECTION))
    assert ("--dry" in capsys.readouterr().out) == (task in dry_run.CHECKED)

"""A playbook that is wrong is refused before its first task runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workspace

WRONG = {
    "an unknown step": ("rendr: {}", 5, "no step is called 'rendr'", "did you mean 'render'?"),
    "an unknown parameter": ("wait_healthy: { timeot: 5 }", 5, "timeot", "did you mean 'timeout'?"),
    "a mistyped parameter": (
        "wait_healthy: { timeout: soon }",
        5,
        "'wait_healthy.timeout' must be a number",
        "not 'soon'",
    ),
    "a word that is not on the list": (
        "start: { service: litelm }",
        5,
        "must be 'all' or 'litellm' or 'cliproxyapi_plus'",
        "not 'litelm'",
    ),
    "an undefined variable": ("render: { profile: '{{ profle }}' }", 5, "no variable is called 'profle'", ""),
    "a bad expression": ("render: { profile: '{{ profile' }", 5, "", ""),
}
PLAY = """\
- name: A play
  vars: {{ profile: cost }}
  tasks:
    - render:
    - {task}
"""


@pytest.mark.parametrize("fault", WRONG)
def test_a_fault_is_named_with_line_and_column_before_anything_runs(workspace: Workspace, fault: str) -> None:
    task, line, what, fix = WRONG[fault]
    book = workspace.folder / "book.yml"
    book.write_text(PLAY.format(task=task))
    before = workspace.snapshot()
    message = workspace.inv("play", str(book), code=2).stderr
    assert f"{book}:{line}:" in message
    assert what in message
    assert fix in message
    assert (workspace.snapshot(), workspace.processes()) == (before, [])


def test_every_fault_of_a_playbook_is_told_at_once(workspace: Workspace) -> None:
    book = workspace.folder / "book.yml"
    book.write_text(PLAY.format(task="rendr:\n    - strt:"))
    message = workspace.inv("play", str(book), code=2).stderr
    assert "'rendr'" in message
    assert "'strt'" in message


def test_a_playbook_that_is_not_there_is_named_with_the_shipped_ones(workspace: Workspace) -> None:
    message = workspace.inv("play", "smok", code=2).stderr
    assert "no playbook is called 'smok'" in message
    assert "did you mean 'smoke'?" in message


def test_a_playbook_that_is_no_yaml_is_placed(workspace: Workspace) -> None:
    book = workspace.folder / "book.yml"
    book.write_text("- name: x\n  tasks: [\n")
    assert f"{book}:" in workspace.inv("play", str(book), code=2).stderr


def test_a_check_of_the_syntax_alone_runs_nothing(workspace: Workspace) -> None:
    before = workspace.snapshot()
    assert "nothing wrong" in workspace.inv("play", "smoke", "--syntax-check").stderr
    assert workspace.snapshot() == before


def test_check_mode_says_what_would_be_done_and_does_nothing(workspace: Workspace) -> None:
    before = workspace.snapshot()
    message = workspace.inv("play", "up", "--check").stderr
    assert "start cliproxyapi_plus and litellm" in message
    assert (workspace.snapshot(), workspace.processes()) == (before, [])

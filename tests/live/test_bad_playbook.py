"""An invalid playbook is rejected before its first task runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workspace

INVALID = {
    "an unknown step": ("rendr: {}", 5, "no step is called 'rendr'", "did you mean 'render'?"),
    "an unknown parameter": ("wait_healthy: { timeot: 5 }", 5, "timeot", "did you mean 'timeout'?"),
    "a mistyped parameter": (
        "wait_healthy: { timeout: soon }",
        5,
        "'wait_healthy.timeout' must be a number",
        "not 'soon'",
    ),
    "an unknown choice": (
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


@pytest.mark.parametrize("error", INVALID)
def test_an_error_has_line_and_column_and_nothing_runs(workspace: Workspace, error: str) -> None:
    task, line, what, fix = INVALID[error]
    playbook = workspace.folder / "playbook.yml"
    playbook.write_text(PLAY.format(task=task))
    before = workspace.snapshot()
    message = workspace.inv("play", str(playbook), code=2).stderr
    assert f"{playbook}:{line}:" in message
    assert what in message
    assert fix in message
    assert (workspace.snapshot(), workspace.processes()) == (before, [])


def test_all_errors_of_a_playbook_are_reported_together(workspace: Workspace) -> None:
    playbook = workspace.folder / "playbook.yml"
    playbook.write_text(PLAY.format(task="rendr:\n    - strt:"))
    message = workspace.inv("play", str(playbook), code=2).stderr
    assert "'rendr'" in message
    assert "'strt'" in message


def test_an_unknown_playbook_is_an_error_with_a_suggestion(workspace: Workspace) -> None:
    message = workspace.inv("play", "smok", code=2).stderr
    assert "no playbook is called 'smok'" in message
    assert "did you mean 'smoke'?" in message


def test_invalid_yaml_is_an_error_with_its_line(workspace: Workspace) -> None:
    playbook = workspace.folder / "playbook.yml"
    playbook.write_text("- name: x\n  tasks: [\n")
    assert f"{playbook}:" in workspace.inv("play", str(playbook), code=2).stderr


def test_a_syntax_check_runs_nothing(workspace: Workspace) -> None:
    before = workspace.snapshot()
    assert "nothing wrong" in workspace.inv("play", "smoke", "--syntax-check").stderr
    assert workspace.snapshot() == before


def test_check_mode_prints_the_changes_and_makes_none(workspace: Workspace) -> None:
    before = workspace.snapshot()
    message = workspace.inv("play", "up", "--check").stderr
    assert "start cliproxyapi_plus and litellm" in message
    assert (workspace.snapshot(), workspace.processes()) == (before, [])

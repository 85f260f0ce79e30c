"""A playbook that is wrong is refused before its first task runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Ground

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
def test_a_fault_is_named_with_line_and_column_before_anything_runs(ground: Ground, fault: str) -> None:
    task, line, what, hint = WRONG[fault]
    book = ground.folder / "book.yml"
    book.write_text(PLAY.format(task=task))
    before = ground.snapshot()
    said = ground.inv("play", str(book), code=2).stderr
    assert f"{book}:{line}:" in said
    assert what in said
    assert hint in said
    assert (ground.snapshot(), ground.processes()) == (before, [])


def test_every_fault_of_a_playbook_is_told_at_once(ground: Ground) -> None:
    book = ground.folder / "book.yml"
    book.write_text(PLAY.format(task="rendr:\n    - strt:"))
    said = ground.inv("play", str(book), code=2).stderr
    assert "'rendr'" in said
    assert "'strt'" in said


def test_a_playbook_that_is_not_there_is_named_with_the_shipped_ones(ground: Ground) -> None:
    said = ground.inv("play", "smok", code=2).stderr
    assert "no playbook is called 'smok'" in said
    assert "did you mean 'smoke'?" in said


def test_a_playbook_that_is_no_yaml_is_placed(ground: Ground) -> None:
    book = ground.folder / "book.yml"
    book.write_text("- name: x\n  tasks: [\n")
    assert f"{book}:" in ground.inv("play", str(book), code=2).stderr


def test_a_check_of_the_syntax_alone_runs_nothing(ground: Ground) -> None:
    before = ground.snapshot()
    assert "nothing wrong" in ground.inv("play", "smoke", "--syntax-check").stderr
    assert ground.snapshot() == before


def test_check_mode_says_what_would_be_done_and_does_nothing(ground: Ground) -> None:
    before = ground.snapshot()
    said = ground.inv("play", "up", "--check").stderr
    assert "start cliproxyapi_plus and litellm" in said
    assert (ground.snapshot(), ground.processes()) == (before, [])

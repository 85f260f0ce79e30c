"""User playbooks, run by the real `inv play`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import wait

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workspace

GREETING = """\
- name: Greet
  command: { argv: [sh, -c, 'echo "hello $WHO"'], env: { WHO: "{{ who }}" } }
  register: greeting
  notify: Say it
"""
PLAY = """\
- vars: { who: you }
  tasks:
    - import_tasks: greet.yml
    - name: Write
      command: { shell: "echo written > file", cwd: "{{ folder }}", creates: file }
    - name: Fail
      command: { shell: "echo out; echo boom >&2; exit 9" }
      when: fails | default(false)
  handlers:
    - name: Say it
      debug: { msg: "it said {{ greeting.stdout }}" }
"""


@pytest.fixture
def play(workspace: Workspace) -> Path:
    workspace.write()
    (workspace.folder / "greet.yml").write_text(GREETING)
    path = workspace.folder / "mine.yml"
    path.write_text(PLAY)
    return path


def test_a_playbook_runs_imported_tasks_and_handlers(workspace: Workspace, play: Path) -> None:
    words = ("play", str(play), "-e", f"who=me folder={workspace.folder}")
    message = workspace.inv(*words).stderr
    assert "it said hello me" in message
    assert (workspace.folder / "file").read_text() == "written\n"
    assert "= Write" in workspace.inv(*words).stderr


def test_a_failed_command_is_shown_with_its_output(workspace: Workspace, play: Path) -> None:
    message = workspace.inv("play", str(play), "-e", f"folder={workspace.folder} fails=true", code=1).stderr
    assert "ended with exit code 9" in message
    assert message.split("last log lines:")[1].split("recap:")[0].split() == ["|", "out", "|", "boom"]
    assert "it said" not in message


def test_check_mode_changes_nothing_and_lists_what_it_cannot_predict(workspace: Workspace, play: Path) -> None:
    before = workspace.snapshot()
    message = workspace.inv("play", str(play), "--check", "-e", f"folder={workspace.folder}").stderr
    assert workspace.snapshot() == before
    unpredicted = message.split("check mode cannot predict 3 tasks:")[1]
    assert [f"{name} ({workspace.folder}/" in unpredicted for name in ("Greet", "Write", "Say it")] == [True] * 3


def test_diff_shows_changed_lines(workspace: Workspace) -> None:
    message = workspace.write().inv("play", "switch-profile", "--check", "--diff", "-e", "profile=cost").stderr
    assert "+  num_retries: 0" in message
    assert "sk-" not in message.replace("sk-…", "")


def test_an_invalid_playbook_is_shown_with_its_source_lines(workspace: Workspace, play: Path) -> None:
    play.write_text(PLAY.replace("debug", "debgu"))
    message = workspace.inv("play", str(play), "--syntax-check", code=2).stderr
    assert f"{play}:11:7: no step is called 'debgu'\n      11 |       debgu: " in message
    assert "\n         |       ^\n    fix: did you mean 'debug'?" in message


def test_ctrl_c_ends_a_command_with_its_children(workspace: Workspace) -> None:
    path = workspace.write().folder / "long.yml"
    command = f"{{shell: 'touch begun; sleep 60 & sleep 61', cwd: {workspace.folder}}}"
    path.write_text(f"tasks: [{{name: Sleep, command: {command}}}]")
    running = workspace.start("play", str(path), real=True)
    assert wait((workspace.folder / "begun").exists)
    running.signal(2)
    assert running.wait_for_exit().returncode == 130
    assert workspace.nothing_runs()

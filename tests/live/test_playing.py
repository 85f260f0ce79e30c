"""Playbooks of one's own, run by the real `inv play`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import wait

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Ground

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
def play(ground: Ground) -> Path:
    ground.write()
    (ground.folder / "greet.yml").write_text(GREETING)
    path = ground.folder / "mine.yml"
    path.write_text(PLAY)
    return path


def test_a_playbook_runs_what_it_imports_and_its_handlers(ground: Ground, play: Path) -> None:
    words = ("play", str(play), "-e", f"who=me folder={ground.folder}")
    said = ground.inv(*words).stderr
    assert "it said hello me" in said
    assert (ground.folder / "file").read_text() == "written\n"
    assert "= Write" in ground.inv(*words).stderr


def test_a_failed_command_shows_what_it_said(ground: Ground, play: Path) -> None:
    said = ground.inv("play", str(play), "-e", f"folder={ground.folder} fails=true", code=1).stderr
    assert "ended with exit code 9" in said
    assert said.split("its last log lines:")[1].split("recap:")[0].split() == ["|", "out", "|", "boom"]
    assert "it said" not in said


def test_a_check_touches_nothing_and_says_what_it_could_not_foretell(ground: Ground, play: Path) -> None:
    before = ground.snapshot()
    said = ground.inv("play", str(play), "--check", "-e", f"folder={ground.folder}").stderr
    assert ground.snapshot() == before
    unforetold = said.split("could not foretell 3 of its tasks:")[1]
    assert [f"{name} ({ground.folder}/" in unforetold for name in ("Greet", "Write", "Say it")] == [True] * 3


def test_the_lines_that_differ_are_shown(ground: Ground) -> None:
    said = ground.write().inv("play", "switch-profile", "--check", "--diff", "-e", "profile=cost").stderr
    assert "+  num_retries: 0" in said
    assert "sk-" not in said.replace("sk-…", "")


def test_a_broken_playbook_is_shown_with_its_lines(ground: Ground, play: Path) -> None:
    play.write_text(PLAY.replace("debug", "debgu"))
    said = ground.inv("play", str(play), "--syntax-check", code=2).stderr
    assert f"{play}:11:7: no step is called 'debgu'\n      11 |       debgu: " in said
    assert "\n         |       ^\n      did you mean 'debug'?" in said


def test_ctrl_c_ends_a_command_with_what_it_started(ground: Ground) -> None:
    path = ground.write().folder / "long.yml"
    command = f"{{shell: 'touch begun; sleep 60 & sleep 61', cwd: {ground.folder}}}"
    path.write_text(f"tasks: [{{name: Sleep, command: {command}}}]")
    running = ground.begin("play", str(path))
    assert wait((ground.folder / "begun").exists, 20.0)
    running.signal(2)
    assert running.ends().returncode == 130
    assert ground.is_quiet()

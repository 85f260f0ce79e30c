"""Ctrl-C while tasks run in parallel."""

from __future__ import annotations

import os
import signal

import psutil

from tests.conftest import Workspace, wait

SECONDS = f"47.{os.getpid()}"  # of these tests, whatever else sleeps on this machine
PLAY = f"""
- tasks:
    - block:
        - {{ name: one, command: {{ shell: "touch one; exec sleep {SECONDS}" }} }}
        - {{ name: two, command: {{ shell: "touch two; exec sleep {SECONDS}" }} }}
        - {{ name: never, command: [touch, never] }}
      parallel: 2
      rescue:
        - {{ name: not rescued, command: [touch, never] }}
      always:
        - {{ name: last, command: [touch, last] }}
    - {{ name: after, command: [touch, never] }}
"""


def test_ctrl_c_interrupts_parallel_tasks_and_always_still_runs(workspace: Workspace) -> None:
    path = workspace.folder / "mine.yml"
    path.write_text(
        PLAY.replace("touch ", f"touch {workspace.folder}/").replace("touch, ", f"touch, {workspace.folder}/")
    )
    running = workspace.start("play", str(path), real=True)
    assert wait(lambda: (workspace.folder / "one").exists() and (workspace.folder / "two").exists())
    running.signal(signal.SIGINT)
    assert running.wait_for_exit().returncode == 130
    assert (workspace.folder / "last").exists()
    assert not (workspace.folder / "never").exists()
    assert not [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", SECONDS]]

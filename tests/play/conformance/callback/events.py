"""A plugin of Ansible's: writes how each task ended, and the counters at the end, a line of JSON each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: events
type: notification
short_description: Write how each task ended.
description: A line of JSON for each task, and the counters at the end.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(os.environ["FLOWGATE_EVENTS"])
        self.name = ""

    def write(self, what: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(what) + "\n")

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self.name = task.get_name().strip()  # rendered only while this is told

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self.name = task.get_name().strip()

    def v2_runner_on_ok(self, result: Any) -> None:
        self.write(["changed" if result.result.get("changed") else "ok", self.name])

    def v2_runner_on_skipped(self, result: Any) -> None:
        self.write(["skipped", self.name])

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self.write(["ignored" if ignore_errors else "failed", self.name])

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self.write(stats.summarize("localhost") | {"failed": stats.summarize("localhost")["failures"]})

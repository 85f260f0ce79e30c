"""An Ansible callback plugin that writes the status of each task and the final counters as JSON lines."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: events
type: notification
short_description: Write the status of each task.
description: A line of JSON for each task, and the counters at the end.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(os.environ["CONFORMANCE_EVENTS"])
        self.name = ""

    def write(self, **line: Any) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def ended(self, status: str, result: Any) -> None:
        self.write(host=result.host.get_name(), status=status, task=self.name)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self.name = task.get_name().strip()  # Ansible renders it only during this call

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self.name = task.get_name().strip()

    def v2_runner_on_ok(self, result: Any) -> None:
        self.ended("changed" if result.result.get("changed") else "ok", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self.ended("skipped", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self.ended("ignored" if ignore_errors else "failed", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        counts = {host: stats.summarize(host) for host in stats.processed}
        self.write(counts={host: {**all_of, "failed": all_of["failures"]} for host, all_of in counts.items()})

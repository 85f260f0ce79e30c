"""Run many `flowgate` commands one after the other, each in a fork of one process that has imported everything.

`python -m tests.many_commands FOLDER JSON`: FOLDER marks the processes of a workspace, JSON is a list of command lines.
Prints a JSON list of exit code and seconds of each; their own output goes to the error output.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import time

import flowgate.cli
from flowgate.cli.main import load_tasks, main


def run_forked(words: list[str]) -> tuple[int, float]:
    """Run one command to its end."""
    began = time.monotonic()
    sys.stderr.write(f"\n### {' '.join(words)}\n")
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        os.dup2(2, 1)
        sys.argv = ["flowgate", *words]
        main()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code, time.monotonic() - began


if __name__ == "__main__":
    for module in pkgutil.iter_modules(flowgate.cli.__path__):
        importlib.import_module(f"flowgate.cli.{module.name}")
    load_tasks()
    sys.stdout.write(json.dumps([run_forked(words) for words in json.loads(sys.argv[2])]))

"""Run a behaviour with the real `ansible-playbook`: an own home, no config of the user's, this machine alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from tests.play.conformance.case import COUNTERS, FOLDER, Came, Case

ABSENT = "" if find_spec("ansible") else "ansible-core is not installed: uv sync --group conformance"
ADDED = {"hosts": "localhost", "gather_facts": False, "connection": "local"}
SECONDS = 120


def run(case: Case, folder: Path) -> Came:
    """Run a behaviour's playbook, with hosts added to each play.

    folder: an empty one, which the playbook knows as `place`
    """
    home = folder / "home"
    book = _with_hosts(case, home)
    (home / "ansible.cfg").touch()
    done = subprocess.run(
        [*_command(case, folder), str(book)],
        cwd=home,
        env=_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    told = home / "told"
    assert told.is_file(), f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    counts = lines.pop()
    assert (done.returncode == 0) is (counts["failed"] == 0), f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return Came({name: counts[name] for name in COUNTERS}, tuple((status, name) for status, name in lines))


def _with_hosts(case: Case, home: Path) -> Path:
    """Write the playbook anew, with hosts, beside the files that it imports."""
    plays: Any = yaml.safe_load(case.path.read_text(encoding="utf-8"))
    home.mkdir()
    (home / "imported").symlink_to(FOLDER / "imported")
    book = home / case.path.name
    book.write_text(yaml.safe_dump([{**play, **ADDED} for play in plays], sort_keys=False), encoding="utf-8")
    return book


def _command(case: Case, folder: Path) -> list[str]:
    variables = {"place": str(folder), "ansible_python_interpreter": sys.executable, **case.extra}
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-e", json.dumps(variables)]
    command += [f"--tags={','.join(case.tags)}"] if case.tags else []
    command += [f"--skip-tags={','.join(case.skip_tags)}"] if case.skip_tags else []
    command += [f"--start-at-task={case.start_at}"] if case.start_at else []
    return [*command, "--check"] if case.check else command


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(home / "tmp"),
        "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACK_PLUGINS": str(FOLDER / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "events",
        "FLOWGATE_EVENTS": str(home / "told"),
    }

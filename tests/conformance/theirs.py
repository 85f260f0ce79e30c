"""Run cases with the real `ansible-playbook`, with a home folder of its own and only on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance.case import COUNTERS, FOLDER, Case, Observed

ABSENT = "" if find_spec("ansible") else "ansible-core is not installed: uv sync --group conformance"
with_ansible = pytest.mark.skipif(bool(ABSENT), reason=ABSENT)
HERE = {"gather_facts": False, "connection": "local"}
SECONDS = 900


def run(case: Case, folder: Path) -> Observed:
    """Run one case on `localhost`.

    Args:
        case: The case.
        folder: An empty folder; the playbook knows it as `place`.

    Returns:
        What happened.
    """
    playbook = _copy_playbook(case, "localhost", folder)
    words = ["-i", "localhost,", "-e", json.dumps({"place": str(folder), **case.extra})]
    words += [f"--tags={','.join(case.tags)}"] if case.tags else []
    words += [f"--skip-tags={','.join(case.skip_tags)}"] if case.skip_tags else []
    words += [f"--start-at-task={case.start_at}"] if case.start_at else []
    words += ["--check"] if case.check else []
    return _ansible([*words, playbook.name], folder).get("localhost", Observed(dict.fromkeys(COUNTERS, 0), ()))


def can_share(case: Case) -> bool:
    """Return whether a case can run together with others: it succeeds and needs no options."""
    options = case.extra or case.tags or case.skip_tags or case.start_at or case.check
    return bool(case.ansible.events) and not case.ansible.counts["failed"] and not case.refused and not options


def run_together(cases: Sequence[Case], folder: Path) -> dict[str, Observed]:
    """Run several cases in one run. Each has its own host, which is this machine, because hosts share no facts.

    Args:
        cases: Cases that can share a run.
        folder: An empty folder.

    Returns:
        What happened, by the name of the case. Cases after a failed one are missing.
    """
    hosts: dict[str, Any] = {}
    for case in cases:
        (place := folder / case.name).mkdir()
        hosts[case.name] = {"place": str(place)}
        _copy_playbook(case, case.name, folder)
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    return _ansible(["-i", "hosts.yml", *(case.path.name for case in cases)], folder)


def _copy_playbook(case: Case, host: str, folder: Path) -> Path:
    """Copy the playbook of a case, with a host in each play, beside the files that it imports."""
    plays: Any = yaml.safe_load(case.path.read_text(encoding="utf-8"))
    imported = folder / "imported"
    if not imported.is_symlink():
        imported.symlink_to(FOLDER / "imported")
    playbook = folder / case.path.name
    playbook.write_text(yaml.safe_dump([{**play, "hosts": host, **HERE} for play in plays], sort_keys=False), "utf-8")
    return playbook


def _ansible(words: Sequence[str], folder: Path) -> dict[str, Observed]:
    """Run `ansible-playbook` in a folder, and return what happened on each host."""
    home = folder / "home"
    home.mkdir()
    (home / "ansible.cfg").touch()
    command = [
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "-e",
        f"ansible_python_interpreter={sys.executable}",
        *words,
    ]
    done = subprocess.run(
        command, cwd=folder, env=_environment(home), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    output = home / "output"
    assert output.is_file(), f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return _read([json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()])


def _read(lines: list[dict[str, Any]]) -> dict[str, Observed]:
    """Group the lines of the callback plugin by host. A run that was aborted has no counters."""
    counts: dict[str, Any] = next((line["counts"] for line in reversed(lines) if "counts" in line), {})
    events = [line for line in lines if "task" in line]
    hosts = dict.fromkeys([*(line["host"] for line in events), *counts])
    return {
        host: Observed(
            {name: counts.get(host, {}).get(name, 0) for name in COUNTERS},
            tuple((line["status"], line["task"]) for line in events if line["host"] == host),
        )
        for host in hosts
    }


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
        "ANSIBLE_PIPELINING": "1",  # half the processes for each command
        "ANSIBLE_CALLBACK_PLUGINS": str(FOLDER / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "events",
        "CONFORMANCE_EVENTS": str(home / "output"),
    }

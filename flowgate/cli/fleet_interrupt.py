"""Interrupt a run on several hosts: stop what is under way there, and begin nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from flowgate.cli import console
from flowgate.system import ansible, files
from flowgate.system.interruption import Interruption

CALLBACK = "flowgate.gateway.lines"
PAUSE_SECONDS = 1.0
# How FlowGate is started on a host: variables of the inventory.
PROGRAM = {
    "flowgate_program": "{{ flowgate_program | default('flowgate') }}",
    "flowgate_config": "{{ flowgate_config | default(omit) }}",
}


@dataclass(frozen=True, slots=True)
class Place:
    """The files of a run.

    Attributes:
        folder: The private folder with the play and the collection.
        inventory: The inventory.
        name: The random name of the run.
    """

    folder: Path
    inventory: str
    name: str

    @property
    def request(self) -> Path:
        """The file with what each host is to do. Without it no other host begins."""
        return self.folder / "request.json"


def prepare(playbook: ansible.Playbook, place: Place, under_way: Callable[[], Collection[str]]) -> Interruption:
    """Return what answers Ctrl-C: the first interrupts the hosts, the second ends Ansible at once.

    Args:
        playbook: The run of Ansible.
        place: Its files.
        under_way: Returns the hosts on which something runs.
    """
    telling = list[ansible.Playbook]()

    def interrupt() -> None:
        place.request.unlink(missing_ok=True)
        console.note("interrupted: waiting for the hosts that are under way; again to end at once")
        while not playbook.has_ended:
            hosts = sorted(under_way())
            telling[:] = [ansible.Playbook(place.request, CALLBACK)]
            if hosts and not tell(telling[0], place, hosts):
                playbook.end()
            playbook.wait(PAUSE_SECONDS)

    def end() -> None:
        for one in (playbook, *telling):
            one.end()

    return Interruption(interrupt, end)


def tell(playbook: ansible.Playbook, place: Place, hosts: Collection[str]) -> bool:
    """Interrupt the run on some hosts.

    Args:
        playbook: Is used for it.
        place: The files of the run.
        hosts: The hosts.

    Returns:
        Whether at least one of them could be told.
    """
    play = {
        "name": "FlowGate",
        "hosts": list(hosts),
        "gather_facts": False,
        "environment": {ansible.RUN: place.name},
        "tasks": [{"name": "Interrupt", "flowgate.gateway.interrupt": PROGRAM}],
    }
    path, told = place.folder / "interrupt.json", list[str]()
    files.write_atomic(path, json.dumps([play]), mode=0o600)

    def on_line(line: str) -> None:
        found = read_line(line)
        if found and found.get("state") == "ok":
            told.append(str(found["host"]))

    playbook.run(["-i", place.inventory, str(path)], on_line)
    return bool(told)


def read_line(line: str) -> Mapping[str, object] | None:
    """Return what the callback said in a line; None for a line of Ansible's own, and for one that a kill has cut.

    Args:
        line: A line of Ansible's output.
    """
    if not line.startswith('{"flowgate": '):
        return None
    try:
        return cast("Mapping[str, object]", json.loads(line)["flowgate"])
    except ValueError:
        return None

"""An interrupted playbook on several hosts over a real sshd: what was under way stops, each host is told of."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conformance.theirs import with_ansible
from tests.conftest import Running, Workspace, wait
from tests.fleet import Hosts
from tests.fleet_network import PATH, Sshd

ABSENT = [name for name in ("sshd", "ssh-keygen", "ssh") if not shutil.which(name, path=PATH)]
pytestmark = [with_ansible, pytest.mark.skipif(bool(ABSENT), reason=f"not here: {', '.join(ABSENT)}")]
# A host whose home has a file `quick` is done at once.
PLAYBOOK = """\
- tasks:
    - name: Work
      command: { cmd: sh -c 'echo $$ > ~/begun; test -e ~/quick || exec sleep 300' }
"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Three hosts, on which nothing runs."""
    found = Hosts(Workspace(tmp_path_factory.mktemp("c")).write())
    for name in ("gw1", "gw2", "gw3"):
        found.add(name, tmp_path_factory.mktemp(name[2:]))
        (wrapper := found.gateways[name].folder / "wrapper").write_text('#!/bin/sh\n"${0%/*}/flowgate" "$@"\nexit $?\n')
        wrapper.chmod(0o755)
    (found.control.folder / "work.yml").write_text(PLAYBOOK)
    with Sshd(tmp_path_factory.mktemp("s")) as sshd:
        found.control.variables["SSH"] = json.dumps(sshd.variables())
        try:
            yield found
        finally:
            found.stop()


@pytest.fixture
def hosts(fleet: Hosts) -> Hosts:
    """The hosts, of which the first is done at once."""
    for place in fleet.gateways.values():
        for name in ("quick", "begun"):
            (place.folder / "home" / name).unlink(missing_ok=True)
    (home(fleet, "gw1") / "quick").touch()
    reach(fleet, **WAYS["over a pipe"])
    return fleet


def reach(hosts: Hosts, **how: object) -> None:
    """Write the inventory: all hosts are at the one sshd."""
    over_ssh = json.loads(hosts.control.variables["SSH"])
    hosts.write_inventory(**{name: {**hosts.variables(one), **over_ssh, **how} for name, one in hosts.gateways.items()})


def home(hosts: Hosts, name: str) -> Path:
    return hosts.gateways[name].folder / "home"


def start(hosts: Hosts, *words: str, wait_for: str = "gw2") -> Running:
    """Start the playbook, and wait until it is under way on a host."""
    book = hosts.control.folder / "work.yml"
    running = hosts.control.start("play", str(book), "-i", str(hosts.inventory), *words, real=True)
    assert wait(lambda: (home(hosts, wait_for) / "begun").exists(), 60), running.stderr()
    return running


def sleeping(hosts: Hosts, name: str) -> int:
    """Return the pid of what a host works on."""
    return int((home(hosts, name) / "begun").read_text())


def ansible_of(hosts: Hosts) -> list[psutil.Process]:
    """Return the main processes of Ansible."""
    inventory = str(hosts.inventory)
    found = [(one, one.cmdline()) for one in hosts.control.processes()]
    return [one for one, words in found if inventory in words and any("ansible-playbook" in word for word in words)]


def nothing_runs(hosts: Hosts) -> bool:
    return not any(place.services() for place in hosts.gateways.values())


# How Ansible reaches the hosts, and how FlowGate is started there.
WAYS: dict[str, dict[str, object]] = {
    "over a pipe": {"ansible_pipelining": True},
    "over a terminal": {"ansible_pipelining": False},
    "on this machine": {"ansible_connection": "local"},
    "behind a script": {"ansible_pipelining": True, "flowgate_program": "{{ flowgate_config | dirname }}/wrapper"},
}


@pytest.mark.parametrize(
    ("number", "way"),
    [
        (signal.SIGINT, "over a pipe"),
        (signal.SIGTERM, "over a terminal"),
        pytest.param(signal.SIGTERM, "on this machine", marks=pytest.mark.long),
        pytest.param(signal.SIGINT, "behind a script", marks=pytest.mark.long),
    ],
)
def test_the_host_under_way_is_stopped_and_no_other_begins(hosts: Hosts, number: signal.Signals, way: str) -> None:
    reach(hosts, **WAYS[way])
    running = start(hosts)
    running.signal(number)
    done = running.wait_for_exit(90)
    assert done.returncode == 128 + number
    assert "interrupted: gw1 is done, gw2 was stopped under way, gw3 is untouched" in done.stderr
    assert done.stderr.count("to resume: ") == 1
    assert done.stderr.rstrip().endswith("--limit gw2,gw3")
    assert nothing_runs(hosts)
    assert not (home(hosts, "gw3") / "begun").exists()


def test_several_hosts_under_way_are_all_stopped(hosts: Hosts, tmp_path: Path) -> None:
    running = start(hosts, "--serial", "3", "--report-json", str(report := tmp_path / "report.json"))
    assert wait(lambda: (home(hosts, "gw3") / "begun").exists(), 60)
    running.signal(signal.SIGINT)
    done = running.wait_for_exit(90)
    assert "interrupted: gw1 is done, gw2 and gw3 were stopped under way\n" in done.stderr
    found = json.loads(report.read_text())
    assert (found["code"], found["error"]["kind"]) == (130, "Interrupted")
    assert nothing_runs(hosts)


def test_a_second_signal_ends_it_at_once_and_the_host_stops_by_itself(hosts: Hosts) -> None:
    running = start(hosts, "--limit", "gw2,gw3")
    running.signal(signal.SIGINT)
    running.wait_for_message("again to end at once")
    running.signal(signal.SIGTERM)
    done = running.wait_for_exit(90)
    assert done.returncode == 130
    assert "gw3 is untouched" in done.stderr
    assert wait(lambda: nothing_runs(hosts), 60)
    assert not (home(hosts, "gw3") / "begun").exists()


def test_after_sigkill_the_host_stops_by_itself_and_no_other_begins(hosts: Hosts) -> None:
    running = start(hosts, "--limit", "gw2,gw3")
    running.signal(signal.SIGKILL)
    running.wait_for_exit(10)
    ansible = ansible_of(hosts)
    assert ansible
    (home(hosts, "gw2") / "quick").touch()
    os.kill(sleeping(hosts, "gw2"), signal.SIGTERM)
    assert wait(lambda: not ansible_of(hosts), 60)
    assert not (home(hosts, "gw3") / "begun").exists()


@pytest.mark.parametrize("way", ["over a pipe", pytest.param("over a terminal", marks=pytest.mark.long)])
def test_if_ansible_is_killed_the_host_is_stopped_and_that_is_said(hosts: Hosts, way: str) -> None:
    reach(hosts, **WAYS[way])
    running = start(hosts)
    for one in ansible_of(hosts):
        one.kill()
    done = running.wait_for_exit(90)
    assert done.returncode == 3
    assert "error: Ansible failed (exit code -9): gw1 is done, gw2 was under way" in done.stderr
    assert "--limit gw2,gw3" in done.stderr
    assert wait(lambda: nothing_runs(hosts), 60)


def test_interrupted_before_a_host_begins_nothing_has_run(hosts: Hosts) -> None:
    running = hosts.control.start("play", "down", "-i", str(hosts.inventory), real=True)
    assert wait(lambda: ansible_of(hosts), 60)
    running.signal(signal.SIGTERM)
    done = running.wait_for_exit(90)
    assert done.returncode == 143
    assert re.search("interrupted: (nothing has run on any host|.*gw3 (is|are) untouched)", done.stderr)


@pytest.mark.long
def test_the_table_of_all_hosts_can_be_interrupted(hosts: Hosts) -> None:
    running = hosts.control.start("fleet.status", "-i", str(hosts.inventory), real=True)
    assert wait(lambda: ansible_of(hosts), 60)
    running.signal(signal.SIGINT)
    assert running.wait_for_exit(90).returncode == 130

"""Playbooks on several hosts through the real Ansible: the hosts are gateways of fake programs on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from junitparser import JUnitXml

from tests.conformance.theirs import with_ansible
from tests.conftest import Workspace
from tests.fleet import Clients, Hosts
from tests.test_docs_json import differences, documented

pytestmark = with_ansible

SECRET = "sk-" + "q7" * 16
UNREACHABLE = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-o ConnectTimeout=2"}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Three running gateways."""
    found = Hosts(Workspace(tmp_path_factory.mktemp("c")).write())
    for name in ("gw1", "gw2", "gw3"):
        found.add(name, tmp_path_factory.mktemp(name[2:]))
    found.play("up", "--serial", "3")
    yield found
    found.stop()


@pytest.fixture(autouse=True)
def own_hosts(hosts: Hosts) -> None:
    hosts.write_inventory()


def recap(text: str) -> dict[str, str]:
    """Return what the recap says of each host."""
    lines = text.partition("\nrecap:\n")[2].splitlines()
    return {line.split()[1]: line.split(None, 2)[2] for line in lines if line[:2] in ("= ", "! ", "- ")}


def test_a_rolling_switch_fails_no_request(hosts: Hosts) -> None:
    target = "cost" if hosts.profiles() != ["cost"] * 3 else "reliability"
    with Clients(hosts) as clients:
        done = hosts.play("switch-profile", "--profile", target, "--serial", "1")
    assert clients.failed == []
    assert clients.answered > 50
    assert hosts.profiles() == [target] * 3
    assert list(recap(done.stderr)) == ["gw1", "gw2", "gw3"]


def test_the_first_broken_host_stops_the_others(hosts: Hosts, tmp_path: Path) -> None:
    hosts.gateways["gw2"].edit_config(("  cost:", "  cheap:"))
    try:
        done = hosts.play("switch-profile", "--profile", "cost", "--check", code=2)
    finally:
        hosts.gateways["gw2"].edit_config(("  cheap:", "  cost:"))
    told = recap(done.stderr)
    assert "failed=0" in told["gw1"]
    assert "failed=1" in told["gw2"]
    assert told["gw3"] == "not started"
    assert "gw2 | error: no profile is called 'cost'" in done.stderr
    assert f"inv play switch-profile -i {hosts.inventory} --limit gw2,gw3 --profile cost --check" in done.stderr


def test_a_failed_task_is_reported_as_on_one_machine(hosts: Hosts, tmp_path: Path) -> None:
    own, report, junit = tmp_path / "own.yml", tmp_path / "report.json", tmp_path / "junit.xml"
    own.write_text("- name: Own\n  tasks:\n    - name: Refuse\n      fail: { msg: not today }\n")
    hosts.play(str(own), "--report-json", str(report), "--report-junit", str(junit), code=1)
    found = json.loads(report.read_text())
    assert (found["code"], found["error"]["what"]) == (1, "gw1: not today")
    assert [(one["play"], one["status"]) for one in found["tasks"]] == [
        ("gw1", "failed"),
        ("gw2", "skipped"),
        ("gw3", "skipped"),
    ]
    assert JUnitXml.fromfile(str(junit)).failures == 1


def test_a_host_that_cannot_be_reached_is_code_3(hosts: Hosts) -> None:
    hosts.write_inventory(gone=UNREACHABLE)
    done = hosts.play("prune-nothing.yml", "--limit", "gone", code=2)
    assert "there is no playbook" in done.stderr
    done = hosts.play("down", "--check", "--limit", "gone", code=3)
    assert "gone | error: cannot be reached" in done.stderr
    assert "unreachable=1 failed=0" in recap(done.stderr)["gone"]


@pytest.mark.parametrize("serial", ["1", "2", "34%"])
def test_a_host_that_cannot_be_reached_stops_the_others(hosts: Hosts, serial: str) -> None:
    known = {name: hosts.variables(place) for name, place in hosts.gateways.items()}
    order = {"gw1": known["gw1"], "gone": UNREACHABLE, "gw2": known["gw2"], "gw3": known["gw3"]}
    hosts.inventory.write_text(yaml.safe_dump({"all": {"hosts": order}}, sort_keys=False))
    done = hosts.play("down", "--check", "--serial", serial, code=3)
    assert "unreachable=1" in recap(done.stderr)["gone"]
    assert recap(done.stderr)["gw3"] == "not started"


def test_variables_reach_the_host_and_secrets_are_told_nowhere(hosts: Hosts, tmp_path: Path) -> None:
    own, out = tmp_path / "own.yml", tmp_path / "out"
    own.write_text(f"- tasks:\n    - command: {{ cmd: 'tee {out}', stdin: '{{{{ api_key }}}}' }}\n")
    done = hosts.play(str(own), "-e", f"api_key={SECRET}", "--limit", "gw1", "--report-json", str(tmp_path / "r"))
    assert out.read_text().strip() == SECRET
    assert SECRET not in done.stdout + done.stderr + (tmp_path / "r").read_text()


def test_one_table_shows_all_hosts(hosts: Hosts) -> None:
    done = hosts.control.inv("fleet.status", "-i", str(hosts.inventory))
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows[1:]] == [["=", name] for name in hosts.gateways]
    assert [row[2] for row in rows[1:]] == hosts.profiles()


def test_a_host_that_is_not_healthy_is_said(hosts: Hosts) -> None:
    bare = {**hosts.variables(hosts.control), "flowgate_program": "/nowhere/flowgate"}
    hosts.write_inventory(gone=UNREACHABLE, bare=bare)
    tree = hosts.control.json("fleet.status", "-i", str(hosts.inventory), code=1)
    assert {name: (one["ok"], one["reachable"]) for name, one in tree["hosts"].items()} == {
        **dict.fromkeys(hosts.gateways, (True, True)),
        "gone": (False, False),
        "bare": (False, True),
    }
    assert differences(tree, documented()["fleet.status"]) == []
    assert "install FlowGate there" in tree["hosts"]["bare"]["fix"]


WRONG = {
    "a host": (("down", "--limit", "gw1,gw9"), "the inventory has no host and no group 'gw9'"),
    "a share": (("down", "--serial", "0"), "'--serial' must be a number of hosts (1) or a share of them (25%)"),
    "a name": (("dwn",), "no playbook is called 'dwn'"),
    "one machine's option": (("down", "--step"), "--step cannot be combined with --inventory"),
}


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG)
def test_what_is_written_wrong_is_one_sentence_before_anything_runs(
    hosts: Hosts, words: tuple[str, ...], said: str
) -> None:
    done = hosts.play(*words, code=2)
    assert said in done.stderr
    assert "recap" not in done.stderr


@pytest.mark.parametrize("text", ["all: [", "all: {hosts: {}}", "just text"])
def test_an_inventory_without_hosts_is_one_sentence(hosts: Hosts, text: str) -> None:
    hosts.inventory.write_text(text)
    done = hosts.play("down", code=2)
    assert done.stderr.count("error: ") == 1
    assert f"ansible-inventory -i {hosts.inventory} --graph" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("play", "down", "--limit", "gw1"), "--inventory is missing"),
        (("play", "down", "-i", "nowhere.yml"), "there is no inventory at nowhere.yml"),
        (("--config", "x.yaml", "play", "down", "-i", "a,"), "each host has its own config"),
    ],
)
def test_words_that_do_not_fit_together_are_refused(hosts: Hosts, words: tuple[str, ...], said: str) -> None:
    assert said in hosts.control.inv(*words, code=2).stderr

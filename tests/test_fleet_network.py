"""A fleet on real parts: three hosts with their own network and sshd, one southbound, one Redis, HAProxy in front.

The application in the workers is a stand-in that hands each request on to the southbound; with the variable
`FLOWGATE_TEST_FLEET_LITELLM=1` it is the real LiteLLM.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.conformance.theirs import with_ansible
from tests.conftest import REAL_LITELLM, Workspace, wait
from tests.fleet import Hosts, write_program
from tests.fleet_clients import Counts, FrontClients
from tests.fleet_network import ABSENT, KEY, Network
from tests.fleet_services import Shared, shared_services
from tests.live import stand_in_litellm

pytestmark = [pytest.mark.long, with_ansible, pytest.mark.skipif(bool(ABSENT), reason=f"not here: {', '.join(ABSENT)}")]
CLIENTS = 24
REAL = os.environ.get("FLOWGATE_TEST_FLEET_LITELLM") == "1"
HOST_SIDE = "10.213.1.1"  # of the first host's link: an address of this machine that every host can reach
NAMES = ("gw1", "gw2", "gw3")


@dataclass(frozen=True)
class Fleet:
    """Three gateways that serve."""

    network: Network
    shared: Shared

    @property
    def hosts(self) -> Hosts:
        return self.network.hosts


@pytest.fixture
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three gateways over what they share."""
    hosts = Hosts(Workspace(tmp_path_factory.mktemp("c")).write())
    for name in NAMES:
        hosts.gateways[name] = Workspace(tmp_path_factory.mktemp(name[2:])).write(litellm=REAL_LITELLM)
    network = Network(hosts, folder := tmp_path_factory.mktemp("n"))
    with ExitStack() as stack:
        stack.callback(network.stop)
        network.start()
        stack.callback(hosts.stop)
        shared = stack.enter_context(shared_services(folder, HOST_SIDE))
        for place in hosts.gateways.values():
            shared.use(place)
            write_program(place)
            if not REAL:
                stand_in_litellm.create(place, stand_in_litellm.OLD, app=shared.app())
                stand_in_litellm.use(place, stand_in_litellm.OLD)
        over_ssh = {
            name: {**hosts.variables(place), **network.variables(number), "ansible_pipelining": True}
            for number, (name, place) in enumerate(hosts.gateways.items(), 1)
        }
        hosts.write_inventory(**over_ssh)
        play(hosts, "up", "--serial", "3")
        network.serve()
        assert wait(lambda: list(network.states().values()) == ["UP"] * len(NAMES), 30), network.states()
        yield Fleet(network, shared)


def play(hosts: Hosts, *words: str) -> None:
    """Run a playbook on all hosts; the real LiteLLM may need minutes."""
    done = hosts.control.start("play", *words, "-i", str(hosts.inventory)).wait_for_exit(280)
    assert done.returncode == 0, done.stderr


def tell(what: str, counts: Counts) -> None:
    """Print the figures; `pytest -s` shows them."""
    print(  # noqa: T201
        f"\n{what}: {len(counts.failed)} failed of {counts.answered + counts.lost + counts.streamed} requests, "
        f"{len(counts.cut)} cut of {counts.streamed + len(counts.cut)} streams; {counts.failed[:3]} {counts.cut[:3]}"
    )


def test_a_rolling_switch_cuts_no_stream_and_a_dying_host_loses_only_its_own(fleet: Fleet) -> None:
    with FrontClients(fleet.network.port, KEY, CLIENTS) as counts:
        assert wait(lambda: counts.streamed >= CLIENTS, 60), counts
        play(fleet.hosts, "switch-profile", "--profile", "cost")
    tell("rolling switch", counts)
    assert (counts.failed, counts.cut) == ([], [])
    assert counts.streamed > CLIENTS * 2
    assert fleet.hosts.profiles() == ["cost"] * 3
    assert fleet.shared.clients() > 0 if REAL else fleet.shared.served() >= counts.answered + counts.streamed
    assert set(fleet.network.lost_at().values()) == {0}
    _kill_one(fleet)


def _kill_one(fleet: Fleet) -> None:
    """Kill the second host while the playbook is under way there."""
    control = fleet.hosts.control
    with FrontClients(fleet.network.port, KEY, CLIENTS) as counts:
        words = ("switch-profile", "-i", str(fleet.hosts.inventory), "--profile", "reliability")
        running = control.start("play", *words)
        assert wait(lambda: _is_under_way(fleet, "gw2"), 90), running.stderr()
        fleet.network.kill(2)
        done = running.wait_for_exit(90)
        served = counts.streamed
        assert wait(lambda: counts.streamed >= served + CLIENTS, 60), counts
    tell("a host that dies", counts)
    assert done.returncode == 3
    assert "gw2 | error: cannot be reached" in done.stderr
    recap = done.stderr.partition("\nrecap:\n")[2]
    assert "= gw1" in recap
    assert "- gw3  not started" in recap
    assert "--limit gw2,gw3" in recap
    lost = fleet.network.lost_at()
    assert lost["gateway-1"] == lost["gateway-3"] == 0
    assert counts.lost <= min(lost["gateway-2"], CLIENTS)  # one for each client: those that were under way there


def _is_under_way(fleet: Fleet, name: str) -> bool:
    words = [one.cmdline() for one in fleet.hosts.gateways[name].processes()]
    return any("play" in line and "switch-profile" in line for line in words)

"""A fleet on real parts: three hosts with their own network and sshd, HAProxy in front, clients through it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.theirs import with_ansible
from tests.conftest import Workspace
from tests.fleet import Hosts
from tests.fleet_network import ABSENT, FrontClients, Network

pytestmark = [pytest.mark.long, with_ansible, pytest.mark.skipif(bool(ABSENT), reason=f"not here: {', '.join(ABSENT)}")]
CLIENTS = 24


@pytest.fixture
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Three hosts, on which nothing runs yet."""
    hosts = Hosts(Workspace(tmp_path_factory.mktemp("c")).write())
    for name in ("gw1", "gw2", "gw3"):
        hosts.add(name, tmp_path_factory.mktemp(name[2:]))
    network = Network(hosts, tmp_path_factory.mktemp("n"))
    try:
        network.start()
        over_ssh = {
            name: {**hosts.variables(place), **network.variables(number)}
            for number, (name, place) in enumerate(hosts.gateways.items(), 1)
        }
        hosts.write_inventory(**over_ssh)
        yield network
    finally:
        hosts.stop()
        network.stop()


def test_a_rolling_switch_over_ssh_behind_a_balancer_cuts_no_request(network: Network) -> None:
    network.hosts.play("up", "--serial", "3")
    with FrontClients(network, CLIENTS) as clients:
        network.hosts.play("switch-profile", "--profile", "cost")
    assert clients.failed == []
    assert clients.answered > CLIENTS * 10
    assert network.hosts.profiles() == ["cost"] * 3

"""The services that deployments are behind: which address is whose, and which can be asked."""

from __future__ import annotations

import pytest

from flowgate.request_filter.upstreams import Upstreams
from flowgate.system import sockets
from tests.conftest import free_port


@pytest.fixture
def upstreams() -> Upstreams:
    found = Upstreams()
    found.set_addresses({"south": f"127.0.0.1:{free_port()}"})
    return found


def base(upstreams: Upstreams, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{upstreams.addresses['south'].rpartition(':')[2]}/v1"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "user:secret@127.0.0.1"])
def test_every_name_of_the_address_is_the_service(upstreams: Upstreams, host: str) -> None:
    assert upstreams.service_at(base(upstreams, host)) == "south"


@pytest.mark.parametrize("other", ["", "http://127.0.0.1:1/v1", "https://api.example.com", "http://[", "x:y"])
def test_other_addresses_belong_to_no_service(upstreams: Upstreams, other: str) -> None:
    upstreams.note({"south": "south is stopped"}, [])
    assert (upstreams.service_at(other), upstreams.obstacle(other)) == ("", "")


def test_a_service_that_is_down_is_an_obstacle_with_its_reason(upstreams: Upstreams) -> None:
    assert upstreams.obstacle(base(upstreams)) == ""
    upstreams.note({"south": "south is stopped"}, [])
    assert upstreams.obstacle(base(upstreams)) == "south is stopped"
    upstreams.note({}, [])
    assert upstreams.obstacle(base(upstreams)) == ""


def test_a_program_that_somebody_else_runs_there_can_be_asked(upstreams: Upstreams) -> None:
    upstreams.note({"south": "south is stopped"}, [])
    host, _, port = upstreams.addresses["south"].rpartition(":")
    with sockets.listen(host, int(port)):
        assert upstreams.obstacle(base(upstreams)) == ""


def test_changes_are_reported_once(upstreams: Upstreams) -> None:
    assert upstreams.note({}, ["south"]) == ["south"]
    assert upstreams.note({}, ["south"]) == []
    assert upstreams.note({"south": "south is stopped"}, []) == ["south"]
    assert upstreams.note({}, []) == ["south"]

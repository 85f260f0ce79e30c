"""Read-only commands send no request to a model: requests are counted at a fake CLIProxyAPIPlus with accounts."""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import REAL_LITELLM, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live


@pytest.fixture
def place(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace whose CLIProxyAPIPlus counts requests, and is not recognised as the embedded upstream."""
    binary = workspace.runtime / "bin" / "CLIProxyAPIPlus"
    binary.parent.mkdir(parents=True)
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} -m flowgate.embedded_upstream --faults "$@"\n')
    binary.chmod(0o700)
    workspace.write(litellm=REAL_LITELLM, upstream=(str(binary),))
    yield workspace
    workspace.inv("down")
    assert workspace.nothing_runs()


def model_requests(place: Workspace) -> list[dict[str, Any]]:
    """Return the model requests that the running upstream has received."""
    key = (place.folder / ".router" / "secrets" / "upstream-api-key").read_text().strip()
    url = f"http://127.0.0.1:{place.upstream_port}/embedded/requests"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=60) as response:
        found: list[dict[str, Any]] = json.load(response)["requests"]
    return found


def post_requests(place: Workspace) -> list[str]:
    """Return all POST requests from its log, including those before a restart."""
    lines = (place.runtime / "process-logs" / "cliproxyapi_plus.log").read_text().splitlines()
    return [line for line in lines if "| POST " in line]


def test_only_smoke_live_and_ask_send_model_requests(place: Workspace) -> None:
    done = place.inv("smoke")
    assert "over your accounts" in done.stdout
    assert post_requests(place) == []
    place.inv("up")
    for words in (["status"], ["health"], ["doctor"], ["smoke"], ["cooldowns"], ["explain"], ["profile.set", "cost"]):
        place.inv(*words)
        assert model_requests(place) == [], words
    assert "embedded upstream" in place.inv("ask", "are you there?").stdout
    place.inv("smoke", "--live")
    assert [one["model"] for one in model_requests(place)] == ["embedded-default"] * 5
    assert len(post_requests(place)) == 5

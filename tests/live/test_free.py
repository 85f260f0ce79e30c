"""Looking costs nothing: counted at the upstream that stands for CLIProxyAPIPlus with real accounts."""

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
    """One whose CLIProxyAPIPlus counts what it is asked, and is not known to be ours."""
    binary = workspace.runtime / "bin" / "CLIProxyAPIPlus"
    binary.parent.mkdir(parents=True)
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} -m flowgate.embedded_upstream --faults "$@"\n')
    binary.chmod(0o700)
    workspace.write(litellm=REAL_LITELLM, upstream=(str(binary),))
    yield workspace
    workspace.inv("down")
    assert workspace.nothing_runs()


def asked(place: Workspace) -> list[dict[str, Any]]:
    """List the questions that the running upstream was asked."""
    key = (place.folder / ".router" / "secrets" / "upstream-api-key").read_text().strip()
    url = f"http://127.0.0.1:{place.upstream_port}/embedded/requests"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["requests"]
    return found


def posted(place: Workspace) -> list[str]:
    """List what was ever posted to it, also before it was restarted."""
    lines = (place.runtime / "process-logs" / "cliproxyapi_plus.log").read_text().splitlines()
    return [line for line in lines if "| POST " in line]


def test_looking_asks_no_model_of_a_real_account(place: Workspace) -> None:
    done = place.inv("smoke")
    assert "over your accounts" in done.stdout
    assert posted(place) == []
    place.inv("up")
    for words in (["status"], ["health"], ["doctor"], ["smoke"], ["cooldowns"], ["explain"], ["profile.set", "cost"]):
        place.inv(*words)
        assert asked(place) == [], words
    assert "embedded upstream" in place.inv("ask", "are you there?").stdout
    place.inv("smoke", "--live")
    assert [one["model"] for one in asked(place)] == ["embedded-default"] * 4
    assert len(posted(place)) == 4

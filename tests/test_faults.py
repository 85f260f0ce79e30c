"""Faults around the gateway, met by whole commands: each says what is wrong, and the gateway goes on serving."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workspace


def served_profile(workspace: Workspace) -> list[str]:
    """Ask the process behind the public port which profile it has read."""
    with urllib.request.urlopen(f"http://127.0.0.1:{workspace.litellm_port}/profile", timeout=10) as answer:
        found: list[str] = json.load(answer)
        return found


# --- what a run started is what it means


@pytest.mark.parametrize("command", [["service.restart"], ["service.reload"], ["profile.set", "cost"]])
def test_a_fresh_generation_that_fails_is_never_reported_as_in_force(workspace: Workspace, command: list[str]) -> None:
    workspace.inv("up", "--profile", "balanced")
    (workspace.runtime / "run" / "litellm-2.json").mkdir()
    done = workspace.start(*command).wait_for_exit(60)
    assert done.returncode == 3, done.stderr
    assert "litellm-2.json is not a regular file" in done.stderr
    assert workspace.json("health")["ok"]
    assert served_profile(workspace) == ["balanced"]
    assert workspace.json("status")["profile"]["name"] == "balanced"

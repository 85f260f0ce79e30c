"""Two switches at once: what one of them rests on is read after the other has ended."""

from __future__ import annotations

from tests.conftest import Workspace


def test_a_switch_that_waited_for_another_one_changes_nothing(workspace: Workspace) -> None:
    workspace.inv("up", "--profile", "balanced")
    workspace.set_behaviour(litellm={"ready": False})
    person = workspace.start("profile.set", "reliability")
    person.wait_for_message("Render reliability")
    budget = workspace.start("profile.set", "cost", "--if-serving", "balanced")
    budget.wait_for_message("waiting for")
    workspace.set_behaviour()
    assert person.wait_for_exit().returncode == 0
    refused = budget.wait_for_exit()
    assert refused.returncode == 1
    assert "profile reliability serves, not balanced: nothing is changed" in refused.stderr
    assert workspace.json("status")["profile"] == {"name": "reliability", "by": "serving"}


def test_a_switch_from_the_profile_that_serves_is_made(workspace: Workspace) -> None:
    workspace.inv("up", "--profile", "balanced")
    workspace.inv("profile.set", "cost", "--if-serving", "balanced")
    assert workspace.json("status")["profile"]["name"] == "cost"

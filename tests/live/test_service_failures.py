"""A service that fails, dies or never becomes ready: the error shows its last log lines, and everything is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workspace


@pytest.mark.parametrize(
    "command, role, service", [("smoke", "litellm", "litellm"), ("up", "upstream", "cliproxyapi_plus")]
)
def test_a_program_that_rejects_its_config_is_quoted(
    workspace: Workspace, command: str, role: str, service: str
) -> None:
    workspace.set_behaviour(**{role: {"fails_with": "config.yaml: no such router strategy 'fastest'"}})
    message = workspace.inv(command, code=3).stderr
    assert f"{service} " in message
    assert ": exited with code 1" in message
    assert "| config.yaml: no such router strategy 'fastest'" in message
    assert "fix: " in message
    assert workspace.processes() == []


def test_a_program_that_never_becomes_ready_times_out(workspace: Workspace) -> None:
    workspace.set_behaviour(litellm={"ready": False})
    message = workspace.inv("smoke", "--startup-timeout", "1", code=3).stderr
    assert "litellm was not ready within 1 s" in message
    assert workspace.processes() == []


def test_litellm_dying_during_the_smoke_is_reported_with_its_log(workspace: Workspace) -> None:
    workspace.set_behaviour(litellm={"dies_on": "/v1/models"})
    done = workspace.inv("smoke", code=1)
    assert "litellm ended during the smoke test" in done.stderr
    assert "| fake service: last line" in done.stderr
    assert "FAIL" in done.stdout
    assert workspace.processes() == []


def test_the_upstream_dying_during_the_smoke_is_reported_with_its_log(workspace: Workspace) -> None:
    workspace.set_behaviour(upstream={"dies_on": "/v1/chat/completions"})
    done = workspace.inv("smoke", "--live", code=1)
    assert "cliproxyapi_plus ended during the smoke test" in done.stderr
    assert "the 'chat' request failed" in done.stderr
    assert "| fake service: last line" in done.stderr
    assert workspace.processes() == []


def test_a_failed_smoke_is_an_event(workspace: Workspace) -> None:
    workspace.set_behaviour(litellm={"dies_on": "/v1/models"})
    workspace.inv("smoke", code=1)
    (line,) = workspace.inv("events", "--event", "smoke").stdout.splitlines()
    assert "failed" in line
    assert "litellm ended" in line


def test_a_profile_that_does_not_start_leaves_the_old_one_serving(workspace: Workspace) -> None:
    workspace.inv("up", "--profile", "balanced")
    workspace.set_behaviour(litellm={"fails_with": "invalid setting"})
    message = workspace.inv("profile.set", "cost", code=3).stderr
    assert "the old settings still serve" in message
    assert "| invalid setting" in message
    workspace.set_behaviour()
    status = workspace.json("status")
    assert status["profile"]["name"] == "balanced"
    assert "balanced" in (workspace.runtime / "litellm.active.yaml").read_text()
    workspace.inv("down")
    assert workspace.processes() == []


def test_a_crashed_service_is_restarted_and_counted(workspace: Workspace) -> None:
    workspace.inv("up")
    before = workspace.json("status")["services"]["litellm"]
    next(one for one in workspace.services() if one.pid == before["pid"]).kill()
    workspace.inv("play", "up")
    after = workspace.json("status")["services"]["litellm"]
    assert (after["state"], after["restarts"]) == ("serving", 1)
    assert after["pid"] != before["pid"]

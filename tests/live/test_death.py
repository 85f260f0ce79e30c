"""A service that refuses, dies or stays silent: its reason is shown with its last log lines, and all is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workspace


@pytest.mark.parametrize(
    "command, role, service", [("smoke", "litellm", "litellm"), ("up", "upstream", "cliproxyapi_plus")]
)
def test_a_program_that_refuses_its_config_is_quoted(
    workspace: Workspace, command: str, role: str, service: str
) -> None:
    workspace.behave(**{role: {"refuses": "config.yaml: no such router strategy 'fastest'"}})
    message = workspace.inv(command, code=3).stderr
    assert f"{service} did not start: exited with code 1" in message
    assert "| config.yaml: no such router strategy 'fastest'" in message
    assert "fix: " in message
    assert workspace.processes() == []


def test_a_program_that_never_becomes_ready_is_given_up_in_time(workspace: Workspace) -> None:
    workspace.behave(litellm={"ready": False})
    message = workspace.inv("smoke", "--startup-timeout", "1", code=3).stderr
    assert "litellm was not ready within 1 s" in message
    assert workspace.processes() == []


def test_litellm_dying_during_the_smoke_is_named_with_its_last_words(workspace: Workspace) -> None:
    workspace.behave(litellm={"dies_on": "/v1/models"})
    done = workspace.inv("smoke", code=1)
    assert "litellm ended during the smoke test" in done.stderr
    assert "| stand-in: my last words" in done.stderr
    assert "FAIL" in done.stdout
    assert workspace.processes() == []


def test_the_upstream_dying_during_the_smoke_is_named_with_its_last_words(workspace: Workspace) -> None:
    workspace.behave(upstream={"dies_on": "/v1/chat/completions"})
    done = workspace.inv("smoke", "--live", code=1)
    assert "cliproxyapi_plus ended during the smoke test" in done.stderr
    assert "the 'chat' request failed" in done.stderr
    assert "| stand-in: my last words" in done.stderr
    assert workspace.processes() == []


def test_a_failed_smoke_goes_into_the_event_log(workspace: Workspace) -> None:
    workspace.behave(litellm={"dies_on": "/v1/models"})
    workspace.inv("smoke", code=1)
    (line,) = workspace.inv("events", "--event", "smoke").stdout.splitlines()
    assert "failed" in line
    assert "litellm died" in line


def test_a_new_profile_that_does_not_come_up_leaves_the_old_one_serving(workspace: Workspace) -> None:
    workspace.inv("up", "--profile", "balanced")
    workspace.behave(litellm={"refuses": "I do not like it"})
    message = workspace.inv("profile.set", "cost", code=3).stderr
    assert "the old settings still serve" in message
    assert "| I do not like it" in message
    workspace.behave()
    status = workspace.json("status")
    assert status["profile"]["name"] == "balanced"
    assert "balanced" in (workspace.runtime / "litellm.active.yaml").read_text()
    workspace.inv("down")
    assert workspace.processes() == []


def test_a_crashed_service_is_back_and_counted(workspace: Workspace) -> None:
    workspace.inv("up")
    before = workspace.json("status")["services"]["litellm"]
    next(one for one in workspace.services() if one.pid == before["pid"]).kill()
    workspace.inv("play", "up")
    after = workspace.json("status")["services"]["litellm"]
    assert (after["state"], after["restarts"]) == ("serving", 1)
    assert after["pid"] != before["pid"]

"""A service that refuses, dies or stays silent: its reason is shown with its last log lines, and all is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Ground


@pytest.mark.parametrize(
    "command, role, service", [("smoke", "litellm", "litellm"), ("up", "upstream", "cliproxyapi_plus")]
)
def test_a_program_that_refuses_its_config_is_quoted(ground: Ground, command: str, role: str, service: str) -> None:
    ground.behave(**{role: {"refuses": "config.yaml: no such router strategy 'fastest'"}})
    said = ground.inv(command, code=3).stderr
    assert f"{service} did not come up: exited with code 1" in said
    assert "| config.yaml: no such router strategy 'fastest'" in said
    assert "way out:" in said
    assert ground.processes() == []


def test_a_program_that_never_becomes_ready_is_given_up_in_time(ground: Ground) -> None:
    ground.behave(litellm={"ready": False})
    said = ground.inv("smoke", "--startup-timeout", "1", code=3).stderr
    assert "litellm was not ready within 1 s" in said
    assert ground.processes() == []


def test_litellm_dying_during_the_smoke_is_named_with_its_last_words(ground: Ground) -> None:
    ground.behave(litellm={"dies_on": "/v1/models"})
    done = ground.inv("smoke", code=1)
    assert "litellm died during the smoke" in done.stderr
    assert "| stand-in: my last words" in done.stderr
    assert "FAIL" in done.stdout
    assert ground.processes() == []


def test_the_upstream_dying_during_the_smoke_is_named_with_its_last_words(ground: Ground) -> None:
    ground.behave(upstream={"dies_on": "/v1/chat/completions"})
    done = ground.inv("smoke", "--live", code=1)
    assert "cliproxyapi_plus died during the smoke" in done.stderr
    assert "'chat' was not answered" in done.stderr
    assert "| stand-in: my last words" in done.stderr
    assert ground.processes() == []


def test_a_failed_smoke_goes_into_the_event_log(ground: Ground) -> None:
    ground.behave(litellm={"dies_on": "/v1/models"})
    ground.inv("smoke", code=1)
    (line,) = ground.inv("events", "--event", "smoke").stdout.splitlines()
    assert "failed" in line
    assert "litellm died" in line


def test_a_new_profile_that_does_not_come_up_leaves_the_old_one_serving(ground: Ground) -> None:
    ground.inv("up", "--profile", "balanced")
    ground.behave(litellm={"refuses": "I do not like it"})
    said = ground.inv("profile.set", "cost", code=3).stderr
    assert "the old settings still serve" in said
    assert "| I do not like it" in said
    ground.behave()
    status = ground.json("status")
    assert status["profile"]["name"] == "balanced"
    assert "balanced" in (ground.runtime / "litellm.active.yaml").read_text()
    ground.inv("down")
    assert ground.processes() == []


def test_a_crashed_service_is_back_and_counted(ground: Ground) -> None:
    ground.inv("up")
    before = ground.json("status")["services"]["litellm"]
    next(one for one in ground.services() if one.pid == before["pid"]).kill()
    ground.inv("play", "up")
    after = ground.json("status")["services"]["litellm"]
    assert (after["state"], after["restarts"]) == ("serving", 1)
    assert after["pid"] != before["pid"]

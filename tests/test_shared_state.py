"""A Redis server that is away: `status`, `health` and `doctor` say it, and nothing else fails."""

from __future__ import annotations

import pytest

from tests.conftest import Workspace, free_port

FIX = "redis-cli -h 127.0.0.1 -p"


def test_a_redis_server_that_is_away_is_said_everywhere(workspace: Workspace) -> None:
    port = free_port()
    settings = f"router_settings: {{redis_host: 127.0.0.1, redis_port: {port}, num_retries: 1}}"
    workspace.edit_config(("router_settings: {num_retries: 1}", settings))
    workspace.inv("up")
    said = f"Redis at 127.0.0.1:{port} does not answer (nothing listens there): cooldowns are kept per worker"
    for command in ("status", "health"):
        done = workspace.inv(command)
        assert said in done.stderr
        assert f"fix: {FIX} {port} ping" in done.stderr
        assert workspace.json(command)["redis"]["state"] == "silent"
    (finding,) = [one for one in workspace.json("doctor")["findings"] if one["check"] == "redis"]
    assert (finding["status"], said in finding["message"]) == ("warn", True)


def test_without_a_redis_server_nothing_is_said(workspace: Workspace) -> None:
    assert workspace.json("status")["redis"] is None
    assert "Redis" not in workspace.inv("status").stderr


def test_the_profile_says_what_gateways_make_of_it(workspace: Workspace) -> None:
    shown = workspace.inv("profile.show", "--gateways", "3").stdout
    assert "# what 3 gateways make of it:" in shown
    assert workspace.json("profile.show", "--gateways", "3")["fleet"]["gateways"] == 3
    assert workspace.json("profile.show")["fleet"] is None


def test_a_number_of_gateways_that_is_none_is_refused(workspace: Workspace) -> None:
    for word in ("0", "-1", "many", "1.5", "10001"):
        assert (
            "must be a whole number from 1 to 10000"
            in workspace.inv("profile.show", f"--gateways={word}", code=2).stderr
        )


@pytest.mark.parametrize("word", ["0", "-1", "two", "1.5", "9"])
def test_a_rehearsal_of_a_number_of_gateways_that_is_none_is_refused(workspace: Workspace, word: str) -> None:
    said = workspace.inv("rehearse", f"--gateways={word}", code=2).stderr
    assert f"'--gateways' must be a whole number from 1 to 8, not '{word}'" in said


def test_a_rehearsal_of_several_gateways_needs_the_program_of_a_redis_server(workspace: Workspace) -> None:
    settings = "router_settings: {redis_host: redis.internal, redis_port: 6379, num_retries: 1}"
    workspace.edit_config(("router_settings: {num_retries: 1}", settings))
    workspace.variables["PATH"] = str(workspace.folder)
    said = workspace.inv("rehearse", "--gateways", "2", code=2).stderr
    assert "neither redis-server nor valkey-server is in PATH" in said
    assert "fix: install it (Debian: apt install redis-server" in said

"""A gateway that runs with another config than the one in use: the commands that would mislead say so."""

from __future__ import annotations

import shutil

from tests.conftest import REAL_UPSTREAM, Workspace

TOLD = "the gateway that runs was started with another config"


def test_status_and_a_login_name_the_config_that_the_gateway_was_started_with(workspace: Workspace) -> None:
    workspace.inv("up")
    assert TOLD not in workspace.inv("status").stderr
    other = workspace.config.with_name("other.yaml")
    shutil.copy(workspace.config, other)
    workspace.variables["FLOWGATE_CONFIG"] = str(other)
    assert f"{TOLD}: {workspace.config}" in workspace.inv("status").stderr
    assert TOLD in workspace.start("auth.login", "codex", "--timeout", "0.1").wait_for_exit(90.0).stderr
    workspace.inv("down")
    assert workspace.nothing_runs()


def test_a_login_that_a_stand_in_would_receive_is_refused(workspace: Workspace) -> None:
    workspace.write(upstream=REAL_UPSTREAM).inv("up")
    other = workspace.config.with_name("other.yaml")
    program = f"{workspace.folder}/CLIProxyAPIPlus"
    other.write_text(workspace.config.read_text().replace(REAL_UPSTREAM[0], program))
    before, workspace.variables["FLOWGATE_CONFIG"] = workspace.pids(), str(other)
    said = workspace.inv("auth.login", "codex", code=2).stderr
    assert f"a stand-in, started with {workspace.config} (" in said
    assert "fix: inv down, then inv auth.login codex" in said
    assert workspace.inv("play", "login", code=2).stderr.count("a stand-in, started with") == 1
    assert workspace.pids() == before

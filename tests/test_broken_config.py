"""An edit breaks the config of a gateway that `up` has started: commands that report go on, `down` stops it."""

from __future__ import annotations

import json
import stat
from itertools import pairwise

from tests.conftest import Workspace
from tests.test_watch import CHANGING, READING, WRONG, many

COPY = "config-in-force.json"


def copy(workspace: Workspace) -> str:
    """Return the kept text of the config; empty if none is kept."""
    path = workspace.runtime / "run" / COPY
    if not path.exists():
        return ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return str(json.loads(path.read_text())[str(workspace.config)])


def test_commands_that_report_go_by_what_serves_and_down_stops_it(workspace: Workspace) -> None:
    workspace.variables["UPSTREAM_API_KEY"] = "sk-canary-upstream"
    workspace.inv("up", "--profile", "cost")
    workspace.edit_config(WRONG)
    assert workspace.json("health")["config_refused"]["reason"].startswith("no key is called 'profilez' (")
    said = workspace.inv("status").stderr
    assert "warning: the config is wrong, the one before it serves" in said
    assert "fix: correct it, then inv service.reload applies it" in said
    codes, said = many(workspace, *READING)
    assert codes == [0] * len(READING)
    assert said.count("warning: the config is wrong, this goes by the one that serves: ") == len(READING)
    codes, _ = many(workspace, *CHANGING)
    assert codes == [2] * len(CHANGING)
    assert "canary" not in copy(workspace)
    assert "stopped cliproxyapi_plus" in workspace.inv("down").stderr
    assert workspace.nothing_runs()
    assert copy(workspace) == ""
    assert "'profilez'" in workspace.inv("status", code=2).stderr


def test_each_command_that_applies_a_config_keeps_it(workspace: Workspace) -> None:
    workspace.inv("service.start")
    assert copy(workspace) == workspace.config.read_text()
    applying = ("profile set balanced", "service reload", "service restart", "up")
    for words, (before, after) in zip(applying, pairwise((1, 4, 5, 6, 7)), strict=True):
        workspace.edit_config((f"num_retries: {before}", f"num_retries: {after}"))
        assert many(workspace, words)[0] == [0], words
        assert copy(workspace) == workspace.config.read_text(), words


def test_a_refused_config_is_not_kept(workspace: Workspace) -> None:
    workspace.inv("up")
    before = copy(workspace)
    workspace.edit_config(("num_retries: 1", "num_retries: 4"))
    workspace.set_behaviour(litellm={"fails_with": "fake service: no such model"})
    workspace.inv("profile.set", "balanced", code=3)
    assert copy(workspace) == before

"""A config that is wrong: one clear sentence with its place, exit 2, and nothing touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workspace

FAULTS = {
    "no YAML": ("  litellm:\n", "  litellm: [\n", ""),
    "a misspelt key": ("readiness_path: /h", "rediness_path: /h", "did you mean 'services.litellm.readiness_path'?"),
    "a duplicate key": ("litellm_base:\n", "profiles: {}\nlitellm_base:\n", "'profiles'"),
    "a wrong type deep inside": (
        "num_retries: 1}",
        "num_retries: 1}\n  extra: [1]",
        "'profiles.extra' must be a mapping",
    ),
    "a port that is none": ("    readiness_path: /\n", "    ready_timeout: soon\n", "'soon'"),
    "an unknown section": ("config_version: 2\n", "config_version: 2\nservises: {}\n", "did you mean 'services'?"),
    "a version of the future": ("config_version: 2", "config_version: 7", "7"),
    "a host for everybody": ("host: 127.0.0.1", "host: 0.0.0.0", "loopback"),
}


def line_of(text: str, fragment: str) -> int:
    return text[: text.index(fragment)].count("\n") + 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_line_and_nothing_is_touched(workspace: Workspace, fault: str) -> None:
    old, new, words = FAULTS[fault]
    workspace.edit_config((old, new))
    before = workspace.snapshot()
    done = workspace.inv("smoke", code=2)
    assert f"{workspace.config}:" in done.stderr
    assert words in done.stderr
    assert done.stdout == ""
    assert (workspace.snapshot(), workspace.processes()) == (before, [])


def test_a_misspelt_key_is_placed_on_its_own_line(workspace: Workspace) -> None:
    workspace.edit_config(("host: 127.0.0.1\n", "hots: 127.0.0.1\n"))
    line = line_of(workspace.config.read_text(), "hots")
    assert f"{workspace.config}:{line}" in workspace.inv("status", code=2).stderr


def test_all_faults_of_a_file_are_told_at_once(workspace: Workspace) -> None:
    workspace.edit_config(("host: 127.0.0.1", "hots: 127.0.0.1"), ("num_retries: 1}", "num_retries: 1}\n  x: 3"))
    message = workspace.inv("up", code=2).stderr
    assert "2 faults" in message
    assert "hots" in message
    assert "'profiles.x'" in message


@pytest.mark.parametrize("command", ["smoke", "down", "status", "profile.list"])
def test_a_config_that_is_not_there_is_named_with_who_named_it(workspace: Workspace, command: str) -> None:
    workspace.config.unlink()
    message = workspace.inv(command, code=2).stderr
    assert f"there is no config file at {workspace.config} (named by FLOWGATE_CONFIG)" in message
    assert workspace.snapshot() == {}


@pytest.mark.parametrize(
    "words", [("smoke", "--profile", "cots"), ("up", "--profile", "cots"), ("profile.set", "cots")]
)
def test_an_unknown_profile_is_refused_with_a_suggestion(workspace: Workspace, words: tuple[str, ...]) -> None:
    before = workspace.snapshot()
    message = workspace.inv(*words, code=2).stderr
    line = line_of(workspace.config.read_text(), "\nprofiles:") + 1
    assert f"no profile is called 'cots' ({workspace.config}:{line})" in message
    assert "did you mean 'cost'?" in message
    assert (workspace.snapshot(), workspace.processes()) == (before, [])


def test_a_variable_that_nobody_set_is_named_with_its_place(workspace: Workspace) -> None:
    workspace.edit_config(("api_key: os.environ/UPSTREAM_API_KEY", "api_key: os.environ/KEY_OF_NOBODY"))
    message = workspace.inv("smoke", code=2).stderr
    line = line_of(workspace.config.read_text(), "KEY_OF_NOBODY")
    assert "the variable KEY_OF_NOBODY is not set" in message
    assert f"{workspace.config}:{line}" in message
    assert "export KEY_OF_NOBODY=" in message
    assert not list(workspace.folder.glob(".router/secrets/*"))
    assert workspace.processes() == []


def test_a_flag_where_a_name_belongs_is_refused_and_asking_for_help_there_gives_it(workspace: Workspace) -> None:
    assert "expected a profile, got '--json'" in workspace.inv("profile.set", "--json", code=2).stderr
    assert "Usage: flowgate profile set NAME" in workspace.inv("profile.set", "--help", code=2).stdout

"""An invalid config: exit code 2, an error with file and line, nothing changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workspace

ERRORS = {
    "invalid YAML": ("  litellm:\n", "  litellm: [\n", ""),
    "a misspelt key": ("readiness_path: /h", "rediness_path: /h", "did you mean 'services.litellm.readiness_path'?"),
    "a duplicate key": ("litellm_base:\n", "profiles: {}\nlitellm_base:\n", "'profiles'"),
    "a wrong type deep inside": (
        "num_retries: 1}",
        "num_retries: 1}\n  extra: [1]",
        "'profiles.extra' must be a mapping",
    ),
    "an invalid timeout": ("    readiness_path: /\n", "    ready_timeout: soon\n", "'soon'"),
    "an unknown section": ("config_version: 2\n", "config_version: 2\nservises: {}\n", "did you mean 'services'?"),
    "an unknown version": ("config_version: 2", "config_version: 7", "7"),
    "a public host": ("host: 127.0.0.1", "host: 0.0.0.0", "loopback"),
}


def line_of(text: str, fragment: str) -> int:
    return text[: text.index(fragment)].count("\n") + 1


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_has_its_line_and_nothing_changes(workspace: Workspace, error: str) -> None:
    old, new, words = ERRORS[error]
    workspace.edit_config((old, new))
    before = workspace.snapshot()
    done = workspace.inv("smoke", code=2)
    assert f"{workspace.config}:" in done.stderr
    assert words in done.stderr
    assert done.stdout == ""
    assert (workspace.snapshot(), workspace.processes()) == (before, [])


def test_a_misspelt_key_is_reported_with_its_own_line(workspace: Workspace) -> None:
    workspace.edit_config(("host: 127.0.0.1\n", "hots: 127.0.0.1\n"))
    line = line_of(workspace.config.read_text(), "hots")
    assert f"{workspace.config}:{line}" in workspace.inv("status", code=2).stderr


def test_all_errors_of_a_config_are_reported_together(workspace: Workspace) -> None:
    workspace.edit_config(("host: 127.0.0.1", "hots: 127.0.0.1"), ("num_retries: 1}", "num_retries: 1}\n  x: 3"))
    message = workspace.inv("up", code=2).stderr
    assert "2 errors" in message
    assert "hots" in message
    assert "'profiles.x'" in message


@pytest.mark.parametrize("command", ["smoke", "down", "status", "profile.list"])
def test_a_missing_config_is_reported_with_the_source_of_its_path(workspace: Workspace, command: str) -> None:
    workspace.config.unlink()
    message = workspace.inv(command, code=2).stderr
    assert f"there is no config file at {workspace.config} (named by FLOWGATE_CONFIG)" in message
    assert workspace.snapshot() == {}


@pytest.mark.parametrize(
    "words", [("smoke", "--profile", "cots"), ("up", "--profile", "cots"), ("profile.set", "cots")]
)
def test_an_unknown_profile_is_an_error_with_a_suggestion(workspace: Workspace, words: tuple[str, ...]) -> None:
    before = workspace.snapshot()
    message = workspace.inv(*words, code=2).stderr
    line = line_of(workspace.config.read_text(), "\nprofiles:") + 1
    assert f"no profile is called 'cots' ({workspace.config}:{line})" in message
    assert "did you mean 'cost'?" in message
    assert (workspace.snapshot(), workspace.processes()) == (before, [])


def test_an_unset_variable_is_reported_with_its_line(workspace: Workspace) -> None:
    workspace.edit_config(("api_key: os.environ/UPSTREAM_API_KEY", "api_key: os.environ/UNSET_KEY"))
    message = workspace.inv("smoke", code=2).stderr
    line = line_of(workspace.config.read_text(), "UNSET_KEY")
    assert "the variable UNSET_KEY is not set" in message
    assert f"{workspace.config}:{line}" in message
    assert "export UNSET_KEY=" in message
    assert not list(workspace.folder.glob(".router/secrets/*"))
    assert workspace.processes() == []


def test_a_flag_in_place_of_a_profile_is_an_error_except_help(workspace: Workspace) -> None:
    assert "no option of 'profile set' is called '--json'" in workspace.inv("profile.set", "--json", code=2).stderr
    assert "Usage: inv profile.set NAME" in workspace.inv("profile.set", "--help").stdout

"""A config that is wrong: one clear sentence with its place, exit 2, and nothing touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Ground

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
def test_a_fault_is_named_with_its_line_and_nothing_is_touched(ground: Ground, fault: str) -> None:
    old, new, words = FAULTS[fault]
    ground.change((old, new))
    before = ground.snapshot()
    done = ground.inv("smoke", code=2)
    assert f"{ground.config}:" in done.stderr
    assert words in done.stderr
    assert done.stdout == ""
    assert (ground.snapshot(), ground.processes()) == (before, [])


def test_a_misspelt_key_is_placed_on_its_own_line(ground: Ground) -> None:
    ground.change(("host: 127.0.0.1\n", "hots: 127.0.0.1\n"))
    line = line_of(ground.config.read_text(), "hots")
    assert f"{ground.config}:{line}" in ground.inv("status", code=2).stderr


def test_all_faults_of_a_file_are_told_at_once(ground: Ground) -> None:
    ground.change(("host: 127.0.0.1", "hots: 127.0.0.1"), ("num_retries: 1}", "num_retries: 1}\n  x: 3"))
    said = ground.inv("up", code=2).stderr
    assert "2 faults" in said
    assert "hots" in said
    assert "'profiles.x'" in said


@pytest.mark.parametrize("command", ["smoke", "down", "status", "profile.list"])
def test_a_config_that_is_not_there_is_named_with_who_named_it(ground: Ground, command: str) -> None:
    ground.config.unlink()
    said = ground.inv(command, code=2).stderr
    assert f"there is no config file at {ground.config} (named by FLOWGATE_CONFIG)" in said
    assert ground.snapshot() == {}


@pytest.mark.parametrize(
    "words", [("smoke", "--profile", "cots"), ("up", "--profile", "cots"), ("profile.set", "cots")]
)
def test_an_unknown_profile_is_refused_with_a_suggestion(ground: Ground, words: tuple[str, ...]) -> None:
    before = ground.snapshot()
    said = ground.inv(*words, code=2).stderr
    line = line_of(ground.config.read_text(), "\nprofiles:") + 1
    assert f"no profile is called 'cots' ({ground.config}:{line})" in said
    assert "did you mean 'cost'?" in said
    assert (ground.snapshot(), ground.processes()) == (before, [])


def test_a_variable_that_nobody_set_is_named_with_its_place(ground: Ground) -> None:
    ground.change(("api_key: os.environ/UPSTREAM_API_KEY", "api_key: os.environ/KEY_OF_NOBODY"))
    said = ground.inv("smoke", code=2).stderr
    line = line_of(ground.config.read_text(), "KEY_OF_NOBODY")
    assert "the variable KEY_OF_NOBODY is not set" in said
    assert f"{ground.config}:{line}" in said
    assert "export KEY_OF_NOBODY=" in said
    assert not list(ground.folder.glob(".router/secrets/*"))
    assert ground.processes() == []


def test_a_flag_where_a_name_belongs_is_refused_and_asking_for_help_there_gives_it(ground: Ground) -> None:
    assert "stands where a profile belongs" in ground.inv("profile.set", "--json", code=2).stderr
    assert "Usage: flowgate profile set NAME" in ground.inv("profile.set", "--help", code=2).stdout

"""Every command that judges a profile refuses the same wrong values, with their line."""

from __future__ import annotations

import json

import pytest

from flowgate.cli import logs
from flowgate.errors import UsageError
from tests.conftest import Workspace

SETTINGS = "router_settings: {num_retries: 1}"
WRONG = [  # (text of the config, the same with a mistake in it, what the error says)
    (SETTINGS, "router_settings: {timeout: 1m}", "write 60"),
    (SETTINGS, "litellm_settings: {cooldown_time: ten}", "write 10"),
    (SETTINGS, "general_settings: {master_key: os.env/X}", "write os.environ/X"),
    (SETTINGS, "router_settings: {master_key: sk-123}", "general_settings"),
    ("model: openai/", "model: opena/", "did you mean 'openai'?"),
    ("api_key:", "api_bse: x\n        api_key:", "did you mean 'api_base'?"),
]
COMMANDS = [("profile.set balanced", 2), ("doctor", 1), ("play up --check", 2), ("rehearse", 2)]


@pytest.mark.parametrize(
    ("mistake", "command", "code"),
    [*((one, "profile.show", 2) for one in WRONG), *((WRONG[0], *one) for one in COMMANDS)],
)
def test_a_mistake_is_refused_alike(
    workspace: Workspace, mistake: tuple[str, str, str], command: str, code: int
) -> None:
    old, new, fix = mistake
    workspace.edit_config((old, new))
    done = workspace.inv(*command.split(), code=code)
    assert fix in done.stdout + done.stderr
    assert f"{workspace.config}:" in done.stdout + done.stderr


def test_doctor_names_a_mistake_once(workspace: Workspace) -> None:
    workspace.edit_config((SETTINGS, "router_settings: {timeout: 1m}"))
    done = workspace.inv("doctor", code=1)
    assert done.stdout.count("must be a number of seconds") == 1


@pytest.mark.parametrize(("command", "code"), [("key.path", 2), ("security.check", 1)])
def test_a_mistyped_master_key_is_found_by_what_handles_keys(workspace: Workspace, command: str, code: int) -> None:
    workspace.edit_config((SETTINGS, "general_settings: {master_key: LITELLM_MASTER_KEY}"))
    done = workspace.inv(command, code=code)
    assert "os.environ/LITELLM_MASTER_KEY" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("master_key", "words"),
    [("sk-literal-key", "is written in the config"), ("os.environ/OTHER_KEY", "the environment variable OTHER_KEY")],
)
def test_the_path_of_another_key_is_not_printed(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, master_key: str, words: str
) -> None:
    place.edit_config((SETTINGS, f"general_settings: {{master_key: {master_key}}}"))
    monkeypatch.setenv("OTHER_KEY", "x")
    monkeypatch.delenv("LITELLM_MASTER_KEY", raising=False)
    with pytest.raises(UsageError, match=words):
        logs.key_path("")


def test_what_is_not_known_is_not_promised(workspace: Workspace) -> None:
    workspace.edit_config((SETTINGS, "router_settings: {num_retries: os.environ/TRIES}"))
    shown = json.loads(workspace.inv("profile.show", "--json").stdout)
    assert (shown["promises"], shown["budget"]) == (None, None)
    assert shown["unknown"] == ["router_settings.num_retries is not known: the variable TRIES is not set"]
    assert "TRIES is not set" in workspace.inv("rehearse", code=2).stderr


def test_a_variable_is_resolved_before_a_promise_is_made(workspace: Workspace) -> None:
    workspace.edit_config((SETTINGS, "router_settings: {num_retries: os.environ/TRIES}"))
    workspace.variables["TRIES"] = "4"
    shown = json.loads(workspace.inv("profile.show", "--json").stdout)
    assert (shown["promises"]["attempts"], shown["settings"]["router_settings"]["num_retries"]) == (5, 4)

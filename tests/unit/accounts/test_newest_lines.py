"""Logins over the embedded upstream of the newest lines: what each can do, and what is suggested instead."""

from __future__ import annotations

import pytest

from flowgate.errors import EnvironmentFailure
from tests.unit.accounts.conftest import LoginStage

ABSENT = {"7.2.137": ("copilot", "gemini", "qwen", "iflow"), "7.2.140": ("copilot", "gemini", "qwen", "iflow", "kiro")}
FLAGS = {"7.2.137": ("copilot", "iflow"), "7.2.140": ()}
ABLE = [("7.2.137", name) for name in ("codex", "claude", "antigravity", "kimi", "kiro")]
ABLE += [("7.2.140", name) for name in ("codex", "claude", "antigravity", "kimi")]


@pytest.mark.parametrize(("upstream", "provider"), ABLE, indirect=["upstream"])
def test_a_login_succeeds(login_stage: LoginStage, provider: str) -> None:
    assert login_stage.log_in(provider)["provider"] == provider


@pytest.mark.parametrize(
    ("upstream", "provider", "flag"),
    [(line, name, name in FLAGS[line]) for line, names in ABSENT.items() for name in names],
    indirect=["upstream"],
)
def test_only_a_flag_that_the_program_has_is_suggested(login_stage: LoginStage, provider: str, flag: bool) -> None:
    with pytest.raises(EnvironmentFailure, match=f"has no login for {provider}") as refused:
        login_stage.log_in(provider)
    assert ("own command line" in refused.value.fix) is flag
    assert flag or refused.value.fix == "inv auth.list"

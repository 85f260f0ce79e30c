"""The step `login` sends no request while it looks; whole logins are tested in `tests/unit/accounts`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowgate.accounts.login_driver import management_key
from flowgate.accounts.providers import KNOWN
from flowgate.domain import Change, ProviderSettings
from flowgate.errors import InvalidValue, NotReady, UnknownName, UsageError
from flowgate.steps.login import login
from tests.unit.steps.conftest import Stage


def test_looking_sends_no_request(stage: Stage) -> None:
    found = login(stage.context().read_only(), "codex")
    assert isinstance(found, Change)
    assert (found.summary, found.facts) == ("log in to Codex (ChatGPT)", {"provider": "codex"})


def test_invalid_parameters_are_refused_while_looking(stage: Stage) -> None:
    with pytest.raises(UnknownName):
        login(stage.context().read_only(), "codecks")
    with pytest.raises(InvalidValue, match="timeout"):
        login(stage.context().read_only(), "codex", timeout=0)
    with pytest.raises(UsageError, match="only gemini has a project"):
        login(stage.context().read_only(), "codex", project="p")


def test_a_login_needs_a_running_program(stage: Stage) -> None:
    stage.prepared().environment["MANAGEMENT_KEY"] = "sk-m"
    found = login(stage.context().read_only(), "codex")
    assert isinstance(found, Change)
    with pytest.raises(NotReady, match="is not running"):
        found.apply(stage.context())


def test_the_config_can_name_another_management_key_for_a_provider(stage: Stage) -> None:
    own = ProviderSettings("codex", "oauth_poll", management_key_env="MY_KEY")
    stage.config = replace(stage.config, providers={"codex": own})
    with pytest.raises(UsageError, match=r"no management key \(MY_KEY\)"):
        management_key(stage.context(), KNOWN["codex"])
    stage.environment["MY_KEY"] = "sk-mine"
    assert management_key(stage.context(), KNOWN["codex"]).reveal() == "sk-mine"


def test_a_stand_in_of_another_config_is_refused_while_looking(stage: Stage) -> None:
    own = replace(stage.config.services["cliproxyapi_plus"], args=("CLIProxyAPIPlus", "-config", "own.yaml"))
    stage.config = replace(stage.config, services={**stage.config.services, "cliproxyapi_plus": own})
    stage.supervisor.run("cliproxyapi_plus", labels={"embedded": "/other/embedded.yaml"})
    with pytest.raises(UsageError, match=r"started with /other/embedded\.yaml"):
        login(stage.context().read_only(), "codex")

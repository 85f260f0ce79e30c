"""`login` looks without asking anybody; whole logins are in `tests/auth`."""

from __future__ import annotations

import pytest

from flowgate.domain import Change
from flowgate.errors import InvalidValue, NotReady, UnknownName, UsageError
from flowgate.steps.login import login, management_key
from tests.unit.steps.conftest import Stage


def test_looking_asks_nobody(stage: Stage) -> None:
    found = login(stage.context().read_only(), "codex")
    assert isinstance(found, Change)
    assert (found.summary, found.facts) == ("log in to Codex (ChatGPT)", {"provider": "codex"})


def test_what_is_written_wrong_is_refused_before_anything_is_asked(stage: Stage) -> None:
    with pytest.raises(UnknownName):
        login(stage.context().read_only(), "codecks")
    with pytest.raises(InvalidValue, match="timeout"):
        login(stage.context().read_only(), "codex", timeout=0)
    with pytest.raises(UsageError, match="to gemini only"):
        login(stage.context().read_only(), "codex", project="p")


def test_without_a_running_program_or_a_key_nobody_is_asked(stage: Stage) -> None:
    stage.prepared().environment["MANAGEMENT_KEY"] = "sk-m"
    found = login(stage.context().read_only(), "codex")
    assert isinstance(found, Change)
    with pytest.raises(NotReady, match="is not running"):
        found.apply(stage.context())


def test_the_key_is_the_one_that_the_config_names_for_the_provider(stage: Stage) -> None:
    from dataclasses import replace

    from flowgate.accounts.providers import KNOWN
    from flowgate.domain import ProviderSettings

    own = ProviderSettings("codex", "oauth_poll", management_key_env="MY_KEY")
    stage.config = replace(stage.config, providers={"codex": own})
    with pytest.raises(UsageError, match=r"no management key \(MY_KEY\)"):
        management_key(stage.context(), KNOWN["codex"])
    stage.environment["MY_KEY"] = "sk-mine"
    assert management_key(stage.context(), KNOWN["codex"]).reveal() == "sk-mine"

"""Doctor names the models for which something is added."""

from __future__ import annotations

from flowgate.cli.checks.model_facts import model_facts
from tests.unit.cli.sessions import SessionFactory


def test_what_is_added_is_said_once_for_all_profiles(new_session: SessionFactory) -> None:
    found = list(model_facts(new_session(("balanced: {}", "balanced: {}\n  cost: {}"))))
    assert {one.status for one in found} == {"pass"}
    keys = [one.message.partition(":")[0] for one in found]
    assert keys == ["model_info.token_count_framing", "model_info.supports_reasoning"]


def test_what_only_one_profile_says_names_it(new_session: SessionFactory) -> None:
    drops = "balanced: {}\n  cost: {litellm_settings: {drop_params: true}}"
    found = list(model_facts(new_session(("balanced: {}", drops))))
    assert [one.message.partition(": ")[0] for one in found] == ["model_info.token_count_framing", "balanced"]

"""The table of providers, and those that only the config knows."""

from __future__ import annotations

import pytest

from flowgate.accounts.providers import TABLE, find, generation
from flowgate.domain import ProviderSettings
from flowgate.errors import UnknownName, UsageError


@pytest.mark.parametrize(
    ("version", "found"),
    [("6.8.16-0-plus", "6.8"), ("v6.9.28-0", "6.8"), ("7.2.101-1", "7.2"), ("8.0", "7.2"), ("dev", "6.8"), ("", "6.8")],
)
def test_a_generation_is_told_by_its_version(version: str, found: str) -> None:
    assert generation(version) == found


def test_every_provider_of_the_product_is_in_the_table() -> None:
    wanted = ["codex", "copilot", "claude", "gemini", "qwen", "iflow", "kimi", "antigravity", "kiro"]
    assert [one.name for one in TABLE] == wanted
    assert all(one.port for one in TABLE if one.flow == "browser")


def test_a_provider_of_the_config_needs_only_two_addresses() -> None:
    own = ProviderSettings("acme", "oauth_poll", "/v0/management/acme-auth-url", "/v0/management/acme-status")
    found = find("acme", {"acme": own})
    assert found.start("7.2.101-1") == found.start("6.8.16-0") == "/v0/management/acme-auth-url"
    assert (found.status, found.flow, found.kinds) == ("/v0/management/acme-status", "poll", ())


def test_a_provider_without_addresses_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(UsageError, match="has no addresses"):
        find("acme", {"acme": ProviderSettings("acme", "oauth_poll")}, "flowgate.yaml:7")
    with pytest.raises(UnknownName) as refused:
        find("codx", {})
    assert refused.value.fix == "did you mean 'codex'?"

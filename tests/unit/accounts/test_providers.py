"""The known providers, and those that only the config names."""

from __future__ import annotations

import pytest

from flowgate.accounts.providers import PROVIDERS, find, line_of
from flowgate.domain import ProviderSettings
from flowgate.errors import UnknownName, UsageError


@pytest.mark.parametrize(
    ("version", "found"),
    [("6.8.16-0-plus", "6.8"), ("v6.9.28-0", "6.8"), ("7.2.101-1", "7.2"), ("8.0", "7.2"), ("dev", "6.8"), ("", "6.8")],
)
def test_a_version_belongs_to_a_line(version: str, found: str) -> None:
    assert line_of(version) == found


def test_every_provider_is_listed_and_browser_logins_have_a_callback_port() -> None:
    wanted = ["codex", "copilot", "claude", "gemini", "qwen", "iflow", "kimi", "antigravity", "kiro"]
    assert [one.name for one in PROVIDERS] == wanted
    assert all(one.callback_port for one in PROVIDERS if one.flow == "browser")


def test_a_provider_of_the_config_needs_only_two_paths() -> None:
    own = ProviderSettings("acme", "oauth_poll", "/v0/management/acme-auth-url", "/v0/management/acme-status")
    found = find("acme", {"acme": own})
    assert found.login_path("7.2.101-1") == found.login_path("6.8.16-0") == "/v0/management/acme-auth-url"
    assert (found.status_path, found.flow, found.listed_as) == ("/v0/management/acme-status", "poll", ())


def test_a_provider_without_login_paths_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(UsageError, match="no login paths"):
        find("acme", {"acme": ProviderSettings("acme", "oauth_poll")}, "flowgate.yaml:7")
    with pytest.raises(UnknownName) as refused:
        find("codx", {})
    assert refused.value.fix == "did you mean 'codex'?"


@pytest.mark.parametrize(
    ("version", "able"),
    [("6.8.16-0", True), ("7.2.101-1", False), ("v7.2.137-9", True), ("7.2.137-9-plus", True), ("7.2.140", False)],
)
def test_kiro_logs_in_only_where_the_program_has_the_path(version: str, able: bool) -> None:
    assert bool(find("kiro", {}).login_path(version)) is able

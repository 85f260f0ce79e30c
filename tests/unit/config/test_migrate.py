"""Migration of older config files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Config
from flowgate.errors import FlowGateError

Reads = Callable[..., Config]
ErrorsOf = Callable[[str], list[FlowGateError]]
FILE = Path("/home/me/config/flowgate.yaml")


@pytest.mark.parametrize(
    "text, note",
    [
        ("config_version: 1", "version 1 was migrated to 2"),
        ("secrets: [a]", "'secrets' is now called 'secret_files'"),
        ("services: {cliproxyapi: {port: 9000}}", "'services.cliproxyapi' is now called 'services.cliproxyapi_plus'"),
        ("oauth: {codex: {method: device}}", "'oauth' is now called 'auth.providers'"),
        ("oauth: {providers: {codex: {method: device}}}", "'oauth.providers' is now called 'auth.providers'"),
        ("services: {litellm: {readiness_path: /health}}", "costs money"),
        ("services: {litellm: {readiness_path: /health?model=m}}", "costs money"),
        ("services: {litellm: {health_path: /health/}}", "costs money"),
        ("auth: {providers: {x: {auth_url_endpoint: /v0/management/oauth/x}}}", "CLIProxyAPIPlus has no endpoint"),
    ],
)
def test_each_migration_is_reported_once_with_its_line(reads: Reads, text: str, note: str) -> None:
    config = reads(f"\n{text}\n" + ("" if "services" in text else "services: {cliproxyapi_plus: {}}\n"))
    assert len(config.notes) == 1
    assert config.notes[0].startswith(f"{FILE}:2: ")
    assert note in config.notes[0]


def test_a_renamed_key_keeps_its_meaning(reads: Reads) -> None:
    config = reads("secrets: [a]\nservices: {cliproxyapi: {port: 9000}}\noauth: {codex: {method: device}}\n")
    assert config.secret_files == (FILE.parent / "a",)
    assert config.services["cliproxyapi_plus"].port == 9000
    assert config.providers["codex"].method == "device"


def test_an_error_below_a_renamed_key_has_its_line(errors_of: ErrorsOf) -> None:
    (error,) = errors_of("services:\n  cliproxyapi:\n    port: high\n")
    assert error.place == f"{FILE}:3"


def test_a_health_path_that_costs_money_is_replaced(reads: Reads) -> None:
    litellm = reads("services: {litellm: {readiness_path: /health, health_path: /health}}\n").services["litellm"]
    assert (litellm.readiness_path, litellm.health_path) == ("/health/readiness", "/health/liveliness")


@pytest.mark.parametrize("auth", ["auth:\n", "auth: {}\n", ""])
@pytest.mark.parametrize(
    "oauth", ["oauth:\n  codex: {method: device}\n", "oauth: {providers: {codex: {method: device}}}\n"]
)
def test_oauth_becomes_auth_providers_also_if_auth_is_empty(reads: Reads, auth: str, oauth: str) -> None:
    config = reads(oauth + auth)
    assert config.providers["codex"].method == "device"
    assert config.place("auth.providers.codex.method") == f"{FILE}:{2 if oauth.count(chr(10)) == 2 else 1}"


def test_unknown_keys_of_oauth_are_rejected(errors_of: ErrorsOf) -> None:
    (error,) = errors_of("oauth: {providers: {codex: {}}, copilot: {method: device}}\n")
    assert "oauth.copilot" in error.what


def test_endpoints_that_do_not_exist_are_removed(reads: Reads) -> None:
    config = reads("auth: {providers: {codex: {auth_url_endpoint: /v0/management/oauth/codex/url}}}\n")
    assert config.providers["codex"].auth_url_endpoint is None


@pytest.mark.parametrize(
    "text",
    [
        "secrets: []\nsecret_files: []",
        "services: {cliproxyapi: {}, cliproxyapi_plus: {}}",
        "oauth: {}\nauth: {providers: {}}",
    ],
)
def test_an_old_name_beside_the_new_one_is_rejected(errors_of: ErrorsOf, text: str) -> None:
    (error,) = errors_of(text + "\n")
    assert "both" in error.what

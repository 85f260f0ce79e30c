"""The config file and program of CLIProxyAPIPlus and of the embedded upstream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.domain import Config, Secret, Service, Sourced
from flowgate.errors import UsageError
from flowgate.gateway import cliproxy
from flowgate.gateway.build import BuildInputs, build

Make = Callable[..., Config]
KEY = Secret("sk-upstream")


def service(config: Config, text: str | None = None, key: Secret | None = KEY, profile: str = "balanced") -> Service:
    return build(config, Sourced(profile, "typed"), BuildInputs({}, key, text)).services["cliproxyapi_plus"]


def tree(config: Config, text: str | None = None) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(service(config, text).documents[0].text)
    return read


def real(config: Config, *more: str) -> Config:
    services = dict(config.services)
    args = (".router/runtime/bin/CLIProxyAPIPlus", *more)
    services["cliproxyapi_plus"] = replace(services["cliproxyapi_plus"], args=args)
    return replace(config, services=services)


def test_its_paths_are_absolute_and_it_listens_on_loopback_only(config: Make) -> None:
    made = tree(config())
    assert made["auth-dir"] == "/home/me/.router/auths"
    assert made["host"] == "127.0.0.1"
    assert made["remote-management"] == {"allow-remote": False, "secret-key": "", "disable-control-panel": True}


def test_the_proxy_always_requires_a_key(config: Make) -> None:
    assert tree(config(), "api-keys: []")["api-keys"] == ["sk-upstream"]


def test_user_settings_are_kept_except_unsafe_ones(config: Make) -> None:
    made = tree(config(), "debug: true\nhost: 0.0.0.0\nport: 1\nauth-dir: x\nrequest-retry: 3")
    assert (made["debug"], made["request-retry"]) == (True, 3)
    assert (made["host"], made["port"], made["auth-dir"]) == ("127.0.0.1", 8317, "/home/me/.router/auths")


def test_a_user_config_that_is_not_yaml_is_rejected_with_its_line(config: Make) -> None:
    with pytest.raises(UsageError, match="not YAML") as caught:
        service(real(config(), "-config", "mine.yaml"), "a: 1\nb: [")
    assert caught.value.place.startswith("/home/me/mine.yaml:")


def test_only_the_embedded_upstream_gets_a_list_of_models(config: Make) -> None:
    assert tree(config())["embedded"] == {"models": ["big", "small"]}
    assert "embedded" not in tree(real(config()))


def test_the_config_named_on_the_command_line_is_replaced_by_the_rendered_one(config: Make) -> None:
    made = service(real(config(), "-config", "mine.yaml", "-local-model"))
    assert made.program.argv[1:] == ("-local-model", "-config", "/home/me/.router/runtime/cliproxyapi.yaml")
    assert cliproxy.user_config(real(config(), "-config", "mine.yaml")) == Path("/home/me/mine.yaml")


def test_its_file_is_written_in_place(config: Make) -> None:
    assert service(config()).documents[0].in_place


def test_a_profile_changes_nothing_that_needs_a_restart(config: Make) -> None:
    assert service(config()).program.digest == service(config(), profile="cost").program.digest


def test_a_key_that_is_not_generated_yet_is_a_placeholder(config: Make) -> None:
    assert cliproxy.PENDING_KEY in service(config(), key=None).documents[0].text

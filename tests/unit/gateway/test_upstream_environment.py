"""Variables that change where CLIProxyAPIPlus finds its settings and writes its logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.domain import Config, Secret
from flowgate.errors import FlowGateError
from flowgate.gateway import build, upstream_environment
from flowgate.gateway.build import BuildInputs

Make = Callable[..., Config]


def with_env(config: Config, program: str = "CLIProxyAPIPlus", **env: str) -> Config:
    services = dict(config.services)
    services["cliproxyapi_plus"] = replace(services["cliproxyapi_plus"], args=(program,), env=env)
    return replace(config, services=services)


def settings(config: Config) -> list[str]:
    return build.own_settings(config, BuildInputs({}, Secret("sk-x"))).notes


@pytest.mark.parametrize(
    "name",
    [
        "PGSTORE_DSN",
        "pgstore_dsn",
        "PGSTORE_SCHEMA",
        "GITSTORE_GIT_URL",
        "gitstore_git_token",
        "OBJECTSTORE_ENDPOINT",
        "OBJECTSTORE_SECRET_KEY",
        "HOME_JWT",
        "home_jwt",
        "DEPLOY",
    ],
)
def test_a_variable_that_replaces_the_config_is_refused_with_its_place(config: Make, name: str) -> None:
    with pytest.raises(FlowGateError, match=f"with the variable {name}, ") as caught:
        settings(with_env(config(), **{name: "secret-value"}))
    assert caught.value.code == 2
    assert caught.value.place
    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "TZ", "HOME", "DEPLOYMENT", "MY_PGSTORE_DSN", "HOME_JWT_FILE"])
def test_other_variables_are_passed_on(config: Make, name: str) -> None:
    assert settings(with_env(config(), **{name: "x"})) == []


def test_the_embedded_upstream_reads_none_of_them(config: Make) -> None:
    assert settings(with_env(config(), "embedded-upstream", PGSTORE_DSN="x")) == []


def test_a_management_password_that_is_replaced_is_told(config: Make) -> None:
    (note,) = settings(with_env(config(), MANAGEMENT_PASSWORD="secret-value"))
    assert "MANAGEMENT_PASSWORD: yours is replaced" in note
    assert "secret-value" not in note


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({}, "work/cliproxyapi_plus/logs"),
        ({"WRITABLE_PATH": "/var/proxy"}, "/var/proxy/logs"),
        ({"writable_path": "/var/proxy"}, "/var/proxy/logs"),
        ({"WRITABLE_PATH": "mine"}, "work/cliproxyapi_plus/mine/logs"),
        ({"WRITABLE_PATH": "os.environ/MINE"}, "work/cliproxyapi_plus/logs"),
    ],
)
def test_the_logs_are_looked_for_where_the_program_writes_them(config: Make, env: dict[str, str], folder: str) -> None:
    changed = with_env(config(), **env)
    assert upstream_environment.log_folder(changed) == changed.paths.runtime_dir / Path(folder)

"""The variables that LiteLLM's settings refer to, as LiteLLM gets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.domain import Config, Reference, Secret, Sourced
from flowgate.gateway.build import BuildInputs, build
from flowgate.gateway.environment import Variables

Make = Callable[..., Config]
REFERENCES = (
    Reference("TRIES", "profiles.balanced.router_settings.num_retries", "f.yaml:9"),
    Reference("OTHER", "services.litellm.env.TRIES", "f.yaml:3"),
)


def with_env(config: Make, **env: str) -> Config:
    made = config(references=REFERENCES)
    return replace(made, services={**made.services, "litellm": replace(made.services["litellm"], env=env)})


@pytest.mark.parametrize(
    ("env", "environment", "value"),
    [
        ({}, {"TRIES": "3"}, "3"),
        ({"TRIES": "4"}, {"TRIES": "3"}, "4"),
        ({"TRIES": "os.environ/OTHER"}, {"OTHER": "5"}, "5"),
        ({"TRIES": "os.environ/OTHER"}, {"TRIES": "3"}, None),
        ({}, {}, None),
    ],
)
def test_the_environment_of_the_service_has_precedence(
    config: Make, env: dict[str, str], environment: dict[str, str], value: str | None
) -> None:
    found = Variables(environment, Path("/none"), lambda path: None).of_settings(with_env(config, **env))
    assert {name: one.reveal() for name, one in found.items()} == ({"TRIES": value} if value else {})


def test_a_variable_in_a_file_is_found(config: Make) -> None:
    found = Variables({}, Path("/keys"), {Path("/keys/tries"): "6\n"}.get).of_settings(with_env(config))
    assert found == {"TRIES": Secret("6")}


@pytest.mark.parametrize(("env", "needed"), [({}, True), ({"TRIES": "4"}, False)])
def test_a_variable_that_the_service_sets_is_not_needed(config: Make, env: dict[str, str], needed: bool) -> None:
    made = replace(with_env(config, **env), references=REFERENCES[:1])
    needs = build(made, Sourced("balanced", "typed"), BuildInputs({}, None)).services["litellm"].needs
    assert ("TRIES" in {one.name for one in needs}) is needed

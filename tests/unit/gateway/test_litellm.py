"""LiteLLM on paper."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.domain import Config, Secret, Service, Sourced
from flowgate.gateway import litellm
from flowgate.gateway.build import BuildInputs, build

Make = Callable[..., Config]


def service(config: Config, profile: str = "balanced", upstream: int = 8317) -> Service:
    ports = {"cliproxyapi_plus": upstream}
    return build(config, Sourced(profile, "typed"), BuildInputs(ports, Secret("sk-upstream"))).services["litellm"]


def tree(config: Config, upstream: int = 8317) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(service(config, upstream=upstream).documents[0].text)
    return read


def test_keys_stand_in_the_document_only_as_references(config: Make) -> None:
    text = service(config()).documents[0].text
    assert "sk-" not in text
    assert "os.environ/UPSTREAM_API_KEY" in text


def test_a_master_key_is_put_in_when_the_config_has_none(config: Make) -> None:
    assert tree(config())["general_settings"]["master_key"] == "os.environ/LITELLM_MASTER_KEY"
    assert "LITELLM_MASTER_KEY" in {need.name for need in service(config()).needs}


def test_a_master_key_of_the_users_own_is_left_alone(config: Make) -> None:
    base = {**config().litellm_base, "general_settings": {"master_key": "os.environ/MINE"}}
    assert tree(config(litellm_base=base))["general_settings"]["master_key"] == "os.environ/MINE"


def test_addresses_follow_the_upstream_when_its_port_moves(config: Make) -> None:
    models = tree(config(), upstream=9000)["model_list"]
    bases = [model["litellm_params"].get("api_base") for model in models]
    assert bases == ["http://127.0.0.1:9000/v1", "http://127.0.0.1:9000/v1", None]


def test_only_the_profile_in_question_says_what_is_needed(config: Make) -> None:
    names = {profile: {need.name for need in service(config(), profile).needs} for profile in ("balanced", "cost")}
    assert "ONLY_COST" not in names["balanced"]
    assert "ONLY_COST" in names["cost"]


def test_a_key_is_optional_when_no_fallback_leads_to_its_model(config: Make) -> None:
    references = {reference.name: reference for reference in config().references}
    base = config().litellm_base
    assert litellm.optional(config(), base, references["ELSEWHERE_KEY"])
    assert not litellm.optional(config(), base, references["UPSTREAM_API_KEY"])


def test_our_runner_is_served_as_a_generation_and_any_other_program_is_not(config: Make) -> None:
    services = dict(config().services)
    services["litellm"] = replace(services["litellm"], args=("/opt/gateway", "--config", "litellm.active.yaml"))
    assert service(config()).program.app == "litellm.proxy.proxy_server:app"
    assert service(config(services=services)).program.app is None


def test_another_program_that_names_the_active_config_gets_the_rendered_one(config: Make) -> None:
    services = dict(config().services)
    active = str(config().paths.active_config)
    services["litellm"] = replace(services["litellm"], args=("/opt/gateway", "--config", active))
    made = service(config(services=services))
    assert made.program.argv == ("/opt/gateway", "--config", str(made.documents[0].path))


def test_the_document_lies_in_the_runtime_folder_under_the_name_of_its_content(config: Make) -> None:
    document = service(config()).documents[0]
    assert document.path == Path(f"/home/me/.router/runtime/litellm-{document.digest}.yaml")


def test_models_asked_through_the_upstream_are_known_by_their_southbound_names(config: Make) -> None:
    assert litellm.upstream_models(config(), config().litellm_base) == ("big", "small")


@pytest.mark.parametrize("name", ["plain", "with blank", "with 'quote", "with \"both' $HOME"])
def test_the_runner_starts_an_interpreter_whatever_its_path_is_called(tmp_path: Path, name: str) -> None:
    python = tmp_path / name
    python.symlink_to(sys.executable)
    runner = tmp_path / "runner"
    runner.write_text(litellm.runner(python).replace("-m flowgate.supervisor.worker", "-c 'print(42)'"))
    message = subprocess.run(
        ["/bin/sh", str(runner), litellm.GENERATION_FLAG], capture_output=True, text=True, check=True
    )
    assert message.stdout == "42\n"


def test_the_runner_is_recognised_however_its_path_is_written(config: Make) -> None:
    services = dict(config().services)
    services["litellm"] = replace(services["litellm"], args=("../me/.router/runtime/bin/litellm",))
    assert service(config(services=services)).program.app is not None


def test_keys_of_models_that_a_profile_replaces_are_not_asked_for(config: Make) -> None:
    own = {"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/x"}}]}
    needs = service(config(profiles={"balanced": own})).needs
    assert {need.name for need in needs} == {"LITELLM_MASTER_KEY"}


def test_an_address_that_is_none_points_nowhere(config: Make) -> None:
    assert litellm.upstream_models(config(), {"model_list": [deployment_at("http://[")]}) == ()


def deployment_at(api_base: str) -> dict[str, object]:
    return {"model_name": "m", "litellm_params": {"model": "openai/x", "api_base": api_base}}

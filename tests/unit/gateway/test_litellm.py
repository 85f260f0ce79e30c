"""The config file and program of LiteLLM."""

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
from flowgate.gateway import litellm, litellm_runner, upstream_deployments
from flowgate.gateway.build import BuildInputs, build

Make = Callable[..., Config]


def service(config: Config, profile: str = "balanced", upstream: int = 8317) -> Service:
    ports = {"cliproxyapi_plus": upstream}
    return build(config, Sourced(profile, "typed"), BuildInputs(ports, Secret("sk-upstream"))).services["litellm"]


def tree(config: Config, upstream: int = 8317) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(service(config, upstream=upstream).documents[0].text)
    return read


def test_the_config_file_contains_references_instead_of_keys(config: Make) -> None:
    text = service(config()).documents[0].text
    assert "sk-" not in text
    assert "os.environ/UPSTREAM_API_KEY" in text


def test_a_master_key_is_added_if_the_config_has_none(config: Make) -> None:
    assert tree(config())["general_settings"]["master_key"] == "os.environ/LITELLM_MASTER_KEY"
    assert "LITELLM_MASTER_KEY" in {need.name for need in service(config()).needs}


def test_a_master_key_of_the_user_is_kept(config: Make) -> None:
    base = {**config().litellm_base, "general_settings": {"master_key": "os.environ/MINE"}}
    assert tree(config(litellm_base=base))["general_settings"]["master_key"] == "os.environ/MINE"


def test_base_urls_get_the_port_in_use(config: Make) -> None:
    models = tree(config(), upstream=9000)["model_list"]
    bases = [model["litellm_params"].get("api_base") for model in models]
    assert bases == ["http://127.0.0.1:9000/v1", "http://127.0.0.1:9000/v1", None]


def test_needed_variables_are_those_of_the_profile(config: Make) -> None:
    names = {profile: {need.name for need in service(config(), profile).needs} for profile in ("balanced", "cost")}
    assert "ONLY_COST" not in names["balanced"]
    assert "ONLY_COST" in names["cost"]


def test_a_key_is_optional_if_no_fallback_uses_its_model(config: Make) -> None:
    references = {reference.name: reference for reference in config().references}
    base = config().litellm_base
    assert litellm.optional(config(), base, references["ELSEWHERE_KEY"])
    assert not litellm.optional(config(), base, references["UPSTREAM_API_KEY"])


def test_the_key_of_a_default_fallback_is_needed(config: Make) -> None:
    references = {reference.name: reference for reference in config().references}
    base = config().litellm_base
    base["router_settings"]["default_fallbacks"] = ["elsewhere"]
    assert not litellm.optional(config(), base, references["ELSEWHERE_KEY"])


def test_only_the_runner_serves_generations(config: Make) -> None:
    services = dict(config().services)
    services["litellm"] = replace(services["litellm"], args=("/opt/gateway", "--config", "litellm.active.yaml"))
    assert service(config()).program.app == "litellm.proxy.proxy_server:app"
    assert service(config(services=services)).program.app is None


def test_another_program_gets_the_rendered_config_in_place_of_the_active_one(config: Make) -> None:
    services = dict(config().services)
    active = str(config().paths.active_config)
    args = ("/opt/gateway", "--config", active, f"--config={active}", f"--other={active}.old")
    services["litellm"] = replace(services["litellm"], args=args)
    made = service(config(services=services))
    document = str(made.documents[0].path)
    assert made.program.argv == ("/opt/gateway", "--config", document, f"--config={document}", f"--other={active}.old")


def test_the_config_file_is_named_by_its_digest(config: Make) -> None:
    document = service(config()).documents[0]
    assert document.path == Path(f"/home/me/.router/runtime/litellm-{document.digest}.yaml")


def test_upstream_models_have_no_provider_prefix(config: Make) -> None:
    assert upstream_deployments.upstream_models(config(), config().litellm_base) == ("big", "small")


@pytest.mark.parametrize("name", ["plain", "with blank", "with 'quote", "with \"both' $HOME"])
def test_the_runner_starts_an_interpreter_with_any_path(tmp_path: Path, name: str) -> None:
    python = tmp_path / name
    python.symlink_to(sys.executable)
    runner = tmp_path / "runner"
    runner.write_text(litellm_runner.runner(python).replace("-m flowgate.supervisor.worker", "-c 'print(42)'"))
    message = subprocess.run(
        ["/bin/sh", str(runner), litellm_runner.GENERATION_FLAG], capture_output=True, text=True, check=True
    )
    assert message.stdout == "42\n"


def test_the_runner_is_recognised_by_its_resolved_path(config: Make) -> None:
    services = dict(config().services)
    services["litellm"] = replace(services["litellm"], args=("../me/.router/runtime/bin/litellm",))
    assert service(config(services=services)).program.app is not None


def test_keys_of_replaced_models_are_not_needed(config: Make) -> None:
    own = {"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/x"}}]}
    needs = service(config(profiles={"balanced": own})).needs
    assert {need.name for need in needs} == {"LITELLM_MASTER_KEY"}


def test_an_invalid_base_url_does_not_use_the_upstream(config: Make) -> None:
    assert not upstream_deployments.uses_upstream(config(), {"model": "openai/x", "api_base": "http://["})

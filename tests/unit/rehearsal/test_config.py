"""The programs of a rehearsal and their config files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.config.loader import read
from flowgate.domain import Config, Program, RemoteUpstream, Secret
from flowgate.gateway import build, upstream_settings
from flowgate.rehearsal.config import ScenarioEnvironment, programs
from flowgate.rehearsal.plan import Plan, omitted_settings, without_accounts
from flowgate.rehearsal.roles import assign_roles
from flowgate.rehearsal.scenarios import SCENARIOS
from flowgate.supervisor import fork_pool

CONFIG = """\
paths: {runtime_dir: .router/runtime}
services:
  litellm: {port: 4000, command: {args: [.router/runtime/bin/litellm]}}
  cliproxyapi_plus: {port: 8317, command: {args: [.router/runtime/bin/CLIProxyAPIPlus, -config, own.yaml]}}
litellm_base:
  model_list:
    - model_name: router-default
      litellm_params: {model: openai/big, api_base: "http://127.0.0.1:8317/v1", api_key: sk-of-the-user}
    - model_name: router-cheap
      litellm_params: {model: anthropic/small, api_base: "https://vendor.example/v1", api_key: os.environ/VENDOR_KEY}
  litellm_settings: {success_callback: [langfuse], cache: true, drop_params: true}
  general_settings: {master_key: sk-of-the-user-too, database_url: "postgres://x"}
profiles:
  balanced:
    router_settings:
      {num_retries: 1, allowed_fails: 1, cooldown_time: 30, timeout: 20, fallbacks: [{router-default: [router-cheap]}]}
"""
OWN = """\
debug: true
proxy-url: http://proxy.example
codex-api-key: [{api-key: sk-codex}]
openai-compatibility: [{name: far, base-url: "https://far.example", api-key-entries: [{api-key: sk-far}]}]
"""
ENVIRONMENT = ScenarioEnvironment(
    folder=Path("/r/500"),
    litellm_program=Path("/r/bin/litellm"),
    upstream_program=Path("/r/bin/cpa"),
    upstream_args=("-x", "-config", "o"),
    variables={},
    litellm_port=20001,
    upstream_port=20002,
    vendors_url="http://v",
    refusing_url="http://refusing",
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return read(CONFIG, tmp_path / "flowgate.yaml")


def plan(config: Config, litellm_only: bool = False, accounts: int = 1) -> Plan:
    policy = build.compile_policy(config, "balanced", build.BuildInputs({}, None, None, {"codex": accounts}))
    return Plan(
        config=config,
        profile="balanced",
        settings=policy.litellm,
        policy=policy,
        roles=assign_roles(policy.litellm),
        scale=0.1,
        key=Secret("sk-private"),
        litellm_only=litellm_only,
        user_settings=without_accounts(upstream_settings.read(OWN, config.root / "own.yaml").settings),
        upstream_settings=policy.cliproxy,
    )


def described(config: Config, scenario: str = "500", **how: Any) -> list[Program]:
    return programs(plan(config, **how), SCENARIOS[scenario], ENVIRONMENT)


def document(program: Program) -> Any:
    return yaml.safe_load(program.documents[0][1])


def test_litellm_gets_the_rendered_profile_with_private_addresses_and_scaled_times(config: Config) -> None:
    upstream, gateway = described(config)
    first, second = (entry["litellm_params"] for entry in document(gateway)["model_list"])
    assert (first["model"], first["api_base"]) == ("openai/big", "http://127.0.0.1:20002/v1")
    assert (second["model"], second["api_base"]) == ("openai/500.small", "http://v/v1")
    router = document(gateway)["router_settings"]
    assert (router["cooldown_time"], router["timeout"], router["num_retries"]) == (3.0, 2.0, 1)
    assert (upstream.service, gateway.service) == ("cliproxyapi_plus-500", "litellm-500")


def test_no_key_account_or_external_system_of_the_user_is_copied(config: Config) -> None:
    texts = "".join(program.documents[0][1] for program in described(config))
    for word in ("of-the-user", "VENDOR_KEY", "langfuse", "cache", "postgres", "sk-codex", "sk-far", "example"):
        assert word not in texts.replace(str(config.file), "")


def test_other_settings_of_the_user_are_copied(config: Config) -> None:
    upstream, gateway = described(config)
    assert document(upstream)["debug"] is True
    assert document(gateway)["litellm_settings"] == {"drop_params": True}


def test_omitted_settings_are_named(config: Config) -> None:
    assert omitted_settings(plan(config)) == [
        "litellm_settings.success_callback",
        "litellm_settings.cache",
        "general_settings.database_url",
    ]


def test_cliproxyapi_plus_gets_one_key_per_account_for_a_provider_at_the_fake_vendors(config: Config) -> None:
    program = described(config, accounts=2)[0]
    assert program.argv == ("/r/bin/cpa", "-x", "-config", "/r/500/cliproxyapi.yaml")
    (provider,) = document(program)["openai-compatibility"]
    assert (provider["base-url"], len(provider["api-key-entries"])) == ("http://v/v1", 2)
    assert provider["models"] == [{"name": "500.big", "alias": "big"}]
    assert document(program)["disable-cooling"] is False


def test_a_remote_southbound_is_never_asked_in_a_rehearsal(config: Config) -> None:
    remote = RemoteUpstream("https://accounts.example", "SHARED_KEY")
    alone = replace(config, services={"litellm": config.services["litellm"]}, remote=remote)
    for name in SCENARIOS:
        (gateway,) = described(alone, name, litellm_only=True)
        assert "accounts.example" not in gateway.documents[0][1]
        assert "SHARED_KEY" not in gateway.documents[0][1]


def test_a_model_that_refuses_connections_is_called_through_the_refusing_address(config: Config) -> None:
    assert document(described(config, "refused")[0])["openai-compatibility"][0]["base-url"] == "http://refusing/v1"


def test_without_cliproxyapi_plus_litellm_calls_the_fake_vendors_directly(config: Config) -> None:
    (gateway,) = described(config, litellm_only=True)
    first = document(gateway)["model_list"][0]["litellm_params"]
    assert (first["model"], first["api_base"]) == ("openai/500.big", "http://v/v1")


@pytest.mark.parametrize("scenario", ["500", "refused", "hang"])
def test_a_config_without_cliproxyapi_plus_is_rehearsed_with_litellm_alone(tmp_path: Path, scenario: str) -> None:
    text = CONFIG.replace(CONFIG[CONFIG.index("  cliproxyapi_plus") : CONFIG.index("litellm_base:")], "")
    text = text.replace("model: openai/big, api_base", "custom_llm_provider: azure, model: azure/big, api_base")
    alone = read(text.replace("127.0.0.1:8317", "127.0.0.1:11434"), tmp_path / "flowgate.yaml")
    (gateway,) = described(alone, scenario, litellm_only=True)
    first = document(gateway)["model_list"][0]["litellm_params"]
    assert (first["model"], "custom_llm_provider" in first) == (f"openai/{scenario}.big", False)
    assert gateway.needed_addresses == {}


def test_all_scenarios_share_one_fork_server_that_sees_the_scaled_pauses(config: Config) -> None:
    one, other = (described(config, name)[-1] for name in ("500", "hang"))
    assert fork_pool.fork_server_id(one) == fork_pool.fork_server_id(other)
    assert one.env["INITIAL_RETRY_DELAY"].reveal() == "0.0500"
    assert one.fork_server is not None
    assert "INITIAL_RETRY_DELAY" in one.fork_server.import_variables


def test_the_request_filter_knows_the_profiles_models_and_the_rehearsals_key(config: Config) -> None:
    rules = described(config)[-1].request_rules
    assert (rules.models, rules.own_keys, rules.any_model) == (("router-default", "router-cheap"), (), False)
    assert "embeddings" in rules.refused["router-default"]
    assert not any("text" in lacks for lacks in rules.refused.values())

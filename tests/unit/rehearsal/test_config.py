"""The papers of a rehearsal: the profile as rendered, and nothing of the user's that leads anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.config.loader import read
from flowgate.domain import Config, Program, Secret
from flowgate.gateway import build
from flowgate.rehearsal import config as private_config
from flowgate.rehearsal import roles
from flowgate.rehearsal.config import Places, Script
from flowgate.rehearsal.scenarios import SCENARIOS

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
PLACES = Places(
    Path("/r/500"),
    Path("/r/bin/litellm"),
    Path("/r/bin/cpa"),
    ("-x", "-config", "o"),
    {},
    20001,
    20002,
    "http://v",
    "http://gate",
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return read(CONFIG, tmp_path / "flowgate.yaml")


def script(config: Config, alone: bool = False, accounts: int = 1) -> Script:
    build_inputs = build.BuildInputs({}, None, None, {"codex": accounts})
    policy = build.compile_policy(config, "balanced", build_inputs)
    made = roles.cast(policy.litellm)
    own = private_config.own_settings(config, OWN)
    key = Secret("sk-private")
    return Script(config, "balanced", policy.litellm, policy, made, 0.1, key, alone, own, policy.cliproxy)


def papers(config: Config, scenario: str = "500", **how: Any) -> list[Program]:
    return private_config.services(script(config, **how), SCENARIOS[scenario], PLACES)


def document(program: Program) -> Any:
    return yaml.safe_load(program.documents[0][1])


def test_the_profile_is_asked_as_it_is_rendered_through_a_private_south(config: Config) -> None:
    south, north = papers(config)
    first, second = (entry["litellm_params"] for entry in document(north)["model_list"])
    assert (first["model"], first["api_base"]) == ("openai/big", "http://127.0.0.1:20002/v1")
    assert (second["model"], second["api_base"]) == ("openai/500.small", "http://v/v1")
    router = document(north)["router_settings"]
    assert (router["cooldown_time"], router["timeout"], router["num_retries"]) == (3.0, 2.0, 1)
    assert (south.service, north.service) == ("cliproxyapi_plus-500", "litellm-500")


def test_nothing_of_the_users_that_leads_anywhere_comes_along(config: Config) -> None:
    texts = "".join(program.documents[0][1] for program in papers(config))
    for word in ("of-the-user", "VENDOR_KEY", "langfuse", "cache", "postgres", "sk-codex", "sk-far", "example"):
        assert word not in texts.replace(str(config.file), "")
    assert document(papers(config)[0])["debug"] is True
    assert document(papers(config)[1])["litellm_settings"] == {"drop_params": True}


def test_what_is_left_out_of_the_copy_is_named(config: Config) -> None:
    found = private_config.left_out(build.compile_policy(config, "balanced", build.BuildInputs({}, None)).litellm)
    assert found == ["litellm_settings.success_callback", "litellm_settings.cache", "general_settings.database_url"]


def test_each_account_is_a_key_of_a_provider_that_leads_to_the_vendors(config: Config) -> None:
    program = papers(config, accounts=2)[0]
    assert program.argv == ("/r/bin/cpa", "-x", "-config", "/r/500/cliproxyapi.yaml")
    tree = document(program)
    (provider,) = tree["openai-compatibility"]
    assert (provider["base-url"], len(provider["api-key-entries"])) == ("http://v/v1", 2)
    assert provider["models"] == [{"name": "500.big", "alias": "big"}]
    assert tree["disable-cooling"] is False


def test_who_refuses_is_asked_through_the_gate(config: Config) -> None:
    assert document(papers(config, "refused")[0])["openai-compatibility"][0]["base-url"] == "http://gate/v1"


def test_without_the_south_litellm_asks_the_vendors_itself(config: Config) -> None:
    (north,) = papers(config, alone=True)
    first = document(north)["model_list"][0]["litellm_params"]
    assert (first["model"], first["api_base"]) == ("openai/500.big", "http://v/v1")


def test_all_generations_are_forked_from_one_nursery_with_scaled_pauses(config: Config) -> None:
    from flowgate.supervisor import fork_pool

    one, other = (papers(config, name)[-1] for name in ("500", "hang"))
    assert fork_pool.name(one) == fork_pool.name(other)
    assert one.env["INITIAL_RETRY_DELAY"].reveal() == "0.0500"
    assert one.fork_server is not None
    assert "INITIAL_RETRY_DELAY" in one.fork_server.import_variables

"""The rules of the request filter: what they say about keys, names, capabilities and paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from flowgate.domain import Config, LiteLLMSettings
from flowgate.domain.request_rules import RequestRules
from flowgate.gateway import litellm, request_rules
from flowgate.request_filter.models import Models

from .conftest import UPSTREAM, deployment

Make = Callable[..., Config]


def with_env(config: Config, **variables: str) -> Config:
    own = replace(config.services["litellm"], env=variables)
    return replace(config, services={**config.services, "litellm": own})


def rules(config: Config, **changes: Any) -> RequestRules:
    """Return the rules of the small config with some sections replaced."""
    base: LiteLLMSettings = {**config.litellm_base, **changes}  # type: ignore[typeddict-item]
    return request_rules.compute(config, base)


@pytest.mark.parametrize(
    "general",
    [
        {"database_url": "postgresql://x"},
        {"database_url": "os.environ/DATABASE_URL"},
        {"custom_auth": "my_auth.check"},
        {"enable_jwt_auth": True},
        {"enable_oauth2_auth": True},
        {"enable_oauth2_proxy_auth": True},
        {"store_model_in_db": True},
    ],
    ids=str,
)
def test_further_keys_may_be_valid(config: Make, general: dict[str, object]) -> None:
    own = rules(config(), general_settings=general).own_keys
    assert own == tuple(f"general_settings.{key}" for key in general)


@pytest.mark.parametrize("general", [{}, {"master_key": "sk-1"}, {"custom_auth": None}, {"enable_jwt_auth": False}])
def test_else_the_gateways_key_is_the_only_one(config: Make, general: dict[str, object]) -> None:
    found = rules(config(), general_settings=general)
    assert (found.own_keys, found.key_source) == ((), request_rules.KEY_SOURCE)


@pytest.mark.parametrize("name", request_rules.OWN_KEY_VARIABLES)
def test_a_variable_may_name_a_database(config: Make, name: str) -> None:
    assert rules(with_env(config(), **{name: "x"})).own_keys == (name,)
    assert rules(config(), environment_variables={name: "x"}).own_keys == (name,)


def test_a_program_of_the_users_gets_no_rules(config: Make) -> None:
    made = config()
    own = replace(made.services["litellm"], args=("/opt/litellm",))
    assert rules(replace(made, services={**made.services, "litellm": own})) == RequestRules()


def test_the_users_header_is_the_only_one(config: Make) -> None:
    assert rules(config(), general_settings={"litellm_key_header_name": "X-Key"}).key_headers == ("X-Key",)


def test_paths_of_the_config_stay_open_to_probes(config: Make) -> None:
    made = config()
    own = replace(made.services["litellm"], readiness_path="/test", health_path="/health")
    found = rules(replace(made, services={**made.services, "litellm": own}))
    assert found.open_paths == (*request_rules.OPEN_PATHS, "/test")


def test_litellm_checks_paths_that_pass_through(config: Make) -> None:
    general = {
        "pass_through_endpoints": [{"path": "/vendor"}, {"path": 5}, "x"],
        "public_routes": ["/open", 3, "/all/*"],
    }
    found = rules(config(), general_settings=general, litellm_settings={"require_auth_for_metrics_endpoint": False})
    assert found.unchecked_paths == ("/vendor", "/vendor/*", "/open", "/all/*", "/metrics", "/metrics/*")


TEAM = {"team_id": "t", "team_public_model_name": "asked"}
MODELS: dict[str, Mapping[str, Any]] = {
    "a model": {},
    "an alias": {"router_settings": {"model_group_alias": {"asked": "router-default"}}},
    "a hidden alias": {
        "router_settings": {"model_group_alias": {"asked": {"model": "router-default", "hidden": True}}}
    },
    "an alias of the library": {"litellm_settings": {"model_alias_map": {"asked": "router-default"}}},
    "a routing group": {"router_settings": {"routing_groups": [{"group_name": "asked", "models": ["router-default"]}]}},
    "an id": {"model_list": [{**deployment("x", "openai/x", UPSTREAM), "model_info": {"id": "asked"}}]},
    "a team's name": {"model_list": [{**deployment("x", "openai/x", UPSTREAM), "model_info": TEAM}]},
    "a deployment's own model": {"model_list": [deployment("x", "asked", UPSTREAM)]},
    "a pattern": {"model_list": [deployment("ask*", "openai/*", UPSTREAM)]},
    "a pattern inside": {"model_list": [deployment("a*d", "openai/*", UPSTREAM)]},
}


@pytest.mark.parametrize("kind", MODELS)
def test_every_name_that_litellm_answers_exists(config: Make, kind: str) -> None:
    found = replace(rules(config(), **MODELS[kind]), name_source="")
    assert not found.any_model
    assert Models(found).exists("router-default" if kind == "a model" else "asked")
    assert not Models(found).exists("other")


@pytest.mark.parametrize("kind", MODELS)
def test_each_of_them_lacks_what_its_deployments_lack(config: Make, kind: str) -> None:
    models = Models(rules(config(), **MODELS[kind]))
    name = "router-default" if kind == "a model" else "asked"
    assert (models.lacks(name, "embeddings"), models.lacks(name, "text")) == (True, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"model_list": [deployment("*", "openai/*")]},
        {"model_list": []},
        {"general_settings": {"database_url": "x"}},
        {"general_settings": {"store_model_in_db": True}},
        {"general_settings": {"completion_model": "router-default"}},
        {"router_settings": {"router_general_settings": {"pass_through_all_models": True}}},
        {"environment_variables": {"DATABASE_URL": "x"}},
    ],
    ids=str,
)
def test_names_that_no_config_lists_pass(config: Make, changes: dict[str, Any]) -> None:
    assert rules(config(), **changes).any_model


def test_a_name_has_what_one_of_its_deployments_has(config: Make) -> None:
    both = [deployment("both", "openai/a", UPSTREAM), deployment("both", "openai/text-embedding-3-small")]
    assert "both" not in rules(config(), model_list=both).refused


@pytest.mark.parametrize(
    ("general", "variables", "optional"),
    [({}, {}, ()), ({"moderation_model": "m"}, {}, ("moderations",)), ({}, {"OPENAI_API_KEY": "x"}, ("moderations",))],
)
def test_a_moderation_needs_no_model_where_litellm_has_one(
    config: Make, general: dict[str, str], variables: dict[str, str], optional: tuple[str, ...]
) -> None:
    assert rules(with_env(config(), **variables), general_settings=general).model_optional == optional


def test_what_clients_need_is_told(config: Make) -> None:
    made = config()
    own = request_rules.describe(made, {**made.litellm_base, "general_settings": {"custom_auth": "x.y"}})
    assert request_rules.describe(made, made.litellm_base)[0].startswith(
        "a request needs the gateway's key or that of a client, except for"
    )
    assert own[0].startswith("LiteLLM alone checks keys, because of general_settings.custom_auth; only the keys of")
    assert any("writes no access log" in line for line in own)


@pytest.mark.parametrize(
    ("target", "shown"), [("router-default", True), ({"model": "router-default", "hidden": True}, False)]
)
def test_clients_are_not_told_hidden_aliases(config: Make, target: object, shown: bool) -> None:
    found = rules(config(), router_settings={"model_group_alias": {"asked": target}})
    assert ("asked" in found.models, "asked" in found.further_models) == (shown, not shown)


def test_other_rules_are_another_program(config: Make) -> None:
    made = config()
    service = litellm.service(made, "balanced", made.litellm_base, {"litellm": 4000, "cliproxyapi_plus": 8317})
    one, same, other = (request_rules.added(service, RequestRules(key_headers=(key,))) for key in ("a", "a", "b"))
    assert one.program.digest == same.program.digest != other.program.digest


@pytest.mark.parametrize(
    ("refused", "model"),
    [({}, "a"), ({"a": ("text",)}, "b"), ({"a": ("images",)}, "a"), ({"a": ("text",), "b": ("text",)}, "a")],
    ids=str,
)
def test_a_text_model_is_the_first_that_may_answer(refused: dict[str, tuple[str, ...]], model: str) -> None:
    assert request_rules.text_model(RequestRules(refused=refused), ("a", "b")) == model


def test_mcp_clients_may_ask_how_to_sign_in(config: Make) -> None:
    assert "/.well-known/*" not in rules(config()).unchecked_paths
    found = rules(config(), mcp_servers={"search": {"url": "http://127.0.0.1:9/mcp"}}).unchecked_paths
    assert {"/.well-known/*", "/mcp", "/mcp/*", "/search/*"} <= set(found)

"""Which model of a profile is the primary, and which ones replace it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from flowgate.config.overlay import overlay
from flowgate.domain.request_rules import RequestRules
from flowgate.rehearsal.roles import CLIENT_NAME, assign_roles, with_client_names
from tests.unit.gateway.test_policy import COMMON, MODELS

EXAMPLES = Path(__file__).parents[3] / "config" / "examples"
SHIPPED = yaml.safe_load((EXAMPLES / "embedded.yaml").read_text(encoding="utf-8"))


def shipped(profile: str) -> Any:
    return overlay(SHIPPED["litellm_base"], SHIPPED["profiles"][profile])


def settings(**sections: Any) -> Any:
    return {"model_list": list(MODELS), **sections}


def test_the_first_model_is_the_primary_and_its_fallback_the_secondary() -> None:
    found = assign_roles(shipped("reliability"))
    assert found.requested == "router-default"
    assert found.by_model == {"embedded-default": "primary", "embedded-cheap": "secondary"}


def test_with_cost_the_cheap_model_is_the_primary() -> None:
    assert assign_roles(shipped("cost")).models("primary") == ["embedded-cheap"]


def test_the_first_model_that_has_a_fallback_is_requested() -> None:
    found = assign_roles(settings(**COMMON["cost"]))
    assert (found.requested, found.models("primary")) == ("router-cheap", ["router-cheap"])


def test_without_a_fallback_there_is_no_secondary() -> None:
    found = assign_roles(settings())
    assert (found.has_secondary, found.by_model) == (False, {"router-default": "primary", "router-cheap": "further"})


def test_deployments_of_one_model_without_an_order_have_the_same_role() -> None:
    tree = settings(router_settings={"fallbacks": [{"router-default": ["router-cheap"]}]})
    tree["model_list"] += [{"model_name": "router-default", "litellm_params": {"model": "openai/other"}}]
    roles = {"router-default": "primary", "other": "primary", "router-cheap": "secondary"}
    assert assign_roles(tree).by_model == roles


def test_fallbacks_for_every_model_and_aliases_are_followed() -> None:
    router = {"fallbacks": [{"*": ["spare"]}], "model_group_alias": {"spare": {"model": "router-cheap"}}}
    assert assign_roles(settings(router_settings=router)).models("secondary") == ["router-cheap"]


def names(**router: Any) -> Any:
    tree = settings(router_settings={"fallbacks": [{"router-default": ["router-cheap"]}], **router})
    tree["model_list"] += [{"model_name": "corp/*", "litellm_params": {"model": "openai/*"}}]
    return tree


def test_aliases_of_the_requested_model_are_requested_too() -> None:
    chains = [{"router-default": ["router-cheap"]}, {"opus": ["router-cheap"]}, {"lone": []}]
    aliases = {"opus": "router-default", "lone": "router-default", "other": "router-cheap"}
    assert assign_roles(names(fallbacks=chains, model_group_alias=aliases)).aliases == ("opus",)


def test_each_name_has_a_case_with_the_models_that_answer() -> None:
    found = assign_roles(names(model_group_alias={"opus": "router-default", "far": "corp/embedded-x"}))
    assert {one.name: (one.kind, one.first, one.next) for one in found.cases} == {
        "router-default": ("model", ("router-default",), ("router-cheap",)),
        "router-cheap": ("model", ("router-cheap",), ()),
        "opus": ("alias", ("router-default",), ()),
        "far": ("alias", ("embedded-x",), ()),
        "corp/embedded-x": ("pattern", ("embedded-x",), ()),
    }
    assert found.by_model["embedded-x"] == "further"


def test_the_promised_settings_decide_what_a_name_leads_to() -> None:
    promised = names(fallbacks=[{"*": ["router-cheap"]}], model_group_alias={"opus": "router-default"})
    found = assign_roles(names(), promised).cases
    assert ("opus", ("router-cheap",)) in [(one.name, one.next) for one in found]


def test_a_model_is_asked_for_by_a_name_of_the_list_too() -> None:
    rules = RequestRules(models=("router-default",), renamed_patterns=(("gpt-*", "router-default"), ("x*", "nowhere")))
    roles = with_client_names(assign_roles(SHIPPED["litellm_base"]), rules)
    [case] = [one for one in roles.cases if one.kind == CLIENT_NAME]
    assert (case.name, case.first) == ("gpt-example", ("embedded-default",))
    assert "gpt-example" in roles.aliases

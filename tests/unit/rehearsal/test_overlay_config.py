"""The config of a gateway that is deployed to be rehearsed: the user's own policy, and nothing of their vendors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowgate.config.loader import read
from flowgate.domain import Config, LiteLLMSettings
from flowgate.gateway.build import compile_policy
from flowgate.rehearsal import time_scale
from flowgate.rehearsal.overlay_config import MARKER, Addresses, marker, omitted, overlay_config
from flowgate.rehearsal.plan import Plan, make_plan
from tests.conftest import CHECKOUT
from tests.unit.steps.conftest import Stage

ADDRESSES = Addresses("http://vendors:1", "http://refusing:2")
EXAMPLES = ["api-keys.yaml", "flowgate.yaml"]
PROFILES = ["reliability", "balanced", "cost"]


def config(folder: Path, example: str) -> Config:
    shutil.copy(CHECKOUT / "config" / "examples" / "cliproxyapi.yaml", folder)
    return read((CHECKOUT / "config" / "examples" / example).read_text(), folder / "flowgate.yaml")


def plan(folder: Path, profile: str = "balanced", example: str = "api-keys.yaml", **more: Any) -> Plan:
    stage = Stage(folder)
    stage.config = replace(config(folder, example), **more)
    return make_plan(stage.context(), profile, litellm_only=True, as_written=False)


def without_vendors(settings: LiteLLMSettings) -> dict[str, Any]:
    """Return settings without what names a vendor, and without the marker."""
    tree: dict[str, Any] = json.loads(json.dumps(settings))
    entries = [one for one in tree["model_list"] if not one["model_name"].startswith(MARKER)]
    for entry in entries:
        entry.pop("model_info", None)  # what LiteLLM does not know about a vendor's model
        for name in ("model", "api_base", "api_key"):
            entry["litellm_params"].pop(name, None)
    return {**tree, "model_list": entries}


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("profile", PROFILES)
def test_the_deployed_flowgate_compiles_the_same_policy_with_shorter_times(
    tmp_path: Path, profile: str, example: str
) -> None:
    made = plan(tmp_path, profile, example)
    stage = Stage(tmp_path)
    stage.config = overlay_config(made, ADDRESSES)
    compiled = compile_policy(stage.config, profile, stage.context().build_inputs())
    wanted = time_scale.scale_times(made.settings, made.scale)
    assert without_vendors(compiled.litellm) == without_vendors(wanted)
    assert made.scale < 1


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("profile", PROFILES)
def test_every_model_leads_to_the_stand_ins_and_only_the_primary_can_refuse(
    tmp_path: Path, profile: str, example: str
) -> None:
    made = plan(tmp_path, profile, example)
    merged = overlay_config(made, ADDRESSES)
    lists = [merged.litellm_base.get("model_list", []), merged.profiles[profile].get("model_list", [])]
    params = [one["litellm_params"] for entries in lists for one in entries if MARKER not in one["model_name"]]
    found = {one["model"].removeprefix("openai/"): str(one.get("api_base")) for one in params}
    roles = made.roles.by_model
    assert found == {
        model: "http://refusing:2/v1" if roles.get(model) == "primary" else "http://vendors:1/v1" for model in found
    }
    assert set(roles) <= set(found)
    assert all([one["model_name"] for one in entries].count(marker(made)) == 2 for entries in lists if entries)
    assert {one.get("api_key") for one in params} == {"not-needed"}


def references(tree: object) -> list[str]:
    if isinstance(tree, Mapping):
        return [found for one in tree.values() for found in references(one)]
    if isinstance(tree, (list, tuple)):
        return [found for one in tree for found in references(one)]
    return [tree] if isinstance(tree, str) and tree.startswith("os.environ/") else []


def test_no_variable_but_the_gateways_own_key_is_needed(tmp_path: Path) -> None:
    text = (CHECKOUT / "config" / "examples" / "api-keys.yaml").read_text()
    text = text.replace("model: openai/gpt-5\n", "model: azure/gpt-5\n        api_version: os.environ/VERSION\n", 1)
    text = text.replace("    ready_timeout: 120s", "    ready_timeout: 120s\n    env: {A: os.environ/B, C: d}")
    own = read(text, tmp_path / "flowgate.yaml")
    stage = Stage(tmp_path)
    stage.config = own
    made = make_plan(stage.context(), "balanced", litellm_only=True, as_written=False)
    found = overlay_config(made, ADDRESSES)
    trees = [found.litellm_base, found.profiles, found.services["litellm"].env]
    assert references(trees) == ["os.environ/LITELLM_MASTER_KEY"]
    assert found.services["litellm"].env["C"] == "d"
    assert "services.litellm.env.A" in omitted(made)


def test_nothing_leads_to_other_systems(tmp_path: Path) -> None:
    made = plan(tmp_path)
    external: Any = {
        **made.config.litellm_base,
        "router_settings": {"redis_host": "redis.infra", "enable_pre_call_checks": True},
        "litellm_settings": {"callbacks": ["langfuse"], "cache": True, "drop_params": True},
        "general_settings": {"database_url": "postgres://x", "master_key": "os.environ/LITELLM_MASTER_KEY"},
    }
    found = overlay_config(plan(tmp_path, litellm_base=external), ADDRESSES).litellm_base
    assert found["router_settings"] == {"enable_pre_call_checks": True}
    assert found["litellm_settings"] == {"drop_params": True}
    assert found["general_settings"] == {"master_key": "os.environ/LITELLM_MASTER_KEY"}


def test_the_marker_is_that_of_these_settings_and_no_others(tmp_path: Path) -> None:
    made = plan(tmp_path)
    other: Any = {"balanced": {**made.config.profiles["balanced"], "router_settings": {"num_retries": 2}}}
    markers = [
        *(marker(made), marker(replace(made, scale=1.0)), marker(plan(tmp_path, "cost"))),
        *(marker(plan(tmp_path, profiles=other)), marker(plan(tmp_path, model_names={"gpt-*": "router-cheap"}))),
    ]
    assert len(set(markers)) == len(markers)
    assert marker(plan(tmp_path)) == markers[0]
    assert all(one.startswith(MARKER) for one in markers)


def test_addresses_and_vendors_keys_do_not_change_the_marker(tmp_path: Path) -> None:
    made = plan(tmp_path)
    before = marker(made)
    overlay_config(made, ADDRESSES)
    assert marker(made) == before
    assert not [one for one in made.config.litellm_base["model_list"] if MARKER in one["model_name"]]


def test_full_times_are_the_users_own(tmp_path: Path) -> None:
    made = replace(plan(tmp_path), scale=1.0)
    found = overlay_config(made, ADDRESSES)
    assert found.profiles["balanced"] == made.config.profiles["balanced"]
    assert found.services["litellm"].env["MAX_RETRY_DELAY"] == "8.0000"

"""Which deployments gateways share in a Redis server, and under which id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.config.loader import read
from flowgate.domain import Config, LiteLLMSettings, Sourced
from flowgate.gateway import build, shared_deployments

REDIS: dict[str, Any] = {"redis_host": "127.0.0.1", "redis_port": 6379}
LOCAL = {"model": "openai/big", "api_base": "http://127.0.0.1:8317/v1", "api_key": "os.environ/UPSTREAM_API_KEY"}
VENDOR = {"model": "openai/big", "api_base": "https://vendor.example/v1", "api_key": "os.environ/VENDOR_KEY"}


def config(folder: Path, params: Any, info: Any = None, remote: str = "", **router: Any) -> Config:
    southbound = {"remote": remote, "key": "os.environ/UPSTREAM_API_KEY"} if remote else {}
    entry = {"model_name": "one", "litellm_params": params} | ({"model_info": info} if info else {})
    tree = {
        "services": {"litellm": {}, "cliproxyapi_plus": southbound},
        "litellm_base": {"model_list": [entry], "router_settings": router},
        "profiles": {"p": {}},
    }
    return read(yaml.safe_dump(tree), folder / "flowgate.yaml")


def settings(made: Config) -> LiteLLMSettings:
    return build.compile_policy(made, "p", build.BuildInputs({}, None)).litellm


def ids(made: Config) -> list[object]:
    entries = shared_deployments.with_ids(made, settings(made)).get("model_list", ())
    infos: list[dict[str, object]] = [dict(entry.get("model_info") or {}) for entry in entries]
    return [info.get("id") for info in infos]


@pytest.mark.parametrize(
    ("params", "how"),
    [
        (VENDOR, {"redis_url": "redis://r"}),
        ({**VENDOR, "api_base": "os.environ/VENDOR_BASE"}, REDIS),
        (LOCAL, {**REDIS, "remote": "https://accounts.example"}),
    ],
)
def test_a_deployment_with_a_key_gets_an_id_that_does_not_depend_on_it(tmp_path: Path, params: Any, how: Any) -> None:
    made = config(tmp_path, params, **how)
    (found,) = ids(made)
    assert found == ids(made)[0]
    assert len(str(found)) == shared_deployments.ID_LENGTH
    assert found != ids(config(tmp_path, {**params, "api_key": "os.environ/OTHER_KEY"}, **how))[0]


@pytest.mark.parametrize(
    ("params", "info", "router", "found"),
    [
        (VENDOR, None, {}, None),  # nothing is shared
        (VENDOR, {"id": "mine"}, REDIS, "mine"),
        (LOCAL, {"id": "mine"}, REDIS, "mine"),
        (LOCAL, None, REDIS, None),  # accounts of its own
        ({**VENDOR, "api_key": "none"}, None, REDIS, None),  # LiteLLM's own id is equal on all gateways
    ],
)
def test_other_deployments_stay_as_they_are(tmp_path: Path, params: Any, info: Any, router: Any, found: Any) -> None:
    assert ids(config(tmp_path, params, info, **router)) == [found]


def test_the_change_is_said_and_is_in_the_document(tmp_path: Path) -> None:
    made = config(tmp_path, VENDOR, **REDIS)
    policy = build.compile_policy(made, "p", build.BuildInputs({}, None))
    assert any(one.startswith("model_info.id is added for one: ") for one in policy.changes)
    stack = build.build(made, Sourced("p", "typed"), build.BuildInputs({}, None))
    assert f"id: {ids(made)[0]}" in stack.services["litellm"].documents[0].text


@pytest.mark.parametrize(
    ("params", "info", "router", "own"),
    [(LOCAL, None, REDIS, ["one"]), (LOCAL, {"id": "x"}, REDIS, []), (VENDOR, None, REDIS, []), (LOCAL, None, {}, [])],
)
def test_models_through_an_own_upstream_are_not_shared(
    tmp_path: Path, params: Any, info: Any, router: Any, own: list[str]
) -> None:
    made = config(tmp_path, params, info, **router)
    assert shared_deployments.own_models(made, settings(made)) == own

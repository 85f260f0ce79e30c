"""A small config, as the config reader returns it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.domain import BootstrapSettings, Config, Deployment, LiteLLMSettings, Paths, Reference, ServiceSettings

UPSTREAM = "http://127.0.0.1:8317/v1"


def deployment(name: str, model: str, api_base: str = "", key: str = "UPSTREAM_API_KEY") -> Deployment:
    entry: Deployment = {"model_name": name, "litellm_params": {"model": model, "api_key": f"os.environ/{key}"}}
    if api_base:
        entry["litellm_params"]["api_base"] = api_base
    return entry


def settings(name: str, port: int, *args: str) -> ServiceSettings:
    timeouts = (120.0, "on-failure", 600.0, 10.0, None)
    return ServiceSettings(name, "127.0.0.1", port, None, None, None, args, (), {}, *timeouts)


@pytest.fixture
def config() -> Callable[..., Config]:
    """Return a function that makes configs: `config(field=…)` replaces fields of a small complete one."""

    def make(**changes: object) -> Config:
        runtime = Path("/home/me/.router/runtime")
        services = {
            "litellm": settings("litellm", 4000, "/home/me/.router/runtime/bin/litellm"),
            "cliproxyapi_plus": settings("cliproxyapi_plus", 8317, ".router/runtime/bin/embedded-upstream"),
        }
        base: LiteLLMSettings = {
            "model_list": [
                deployment("router-default", "openai/big", UPSTREAM),
                deployment("router-cheap", "openai/small", UPSTREAM),
                deployment("elsewhere", "openai/gpt-x", key="ELSEWHERE_KEY"),
            ],
            "router_settings": {"num_retries": 2, "fallbacks": [{"router-default": ["router-cheap"]}]},
        }
        references = (
            Reference("UPSTREAM_API_KEY", "litellm_base.model_list.0.litellm_params.api_key", "f.yaml:9"),
            Reference("ELSEWHERE_KEY", "litellm_base.model_list.2.litellm_params.api_key", "f.yaml:19"),
            Reference("ONLY_COST", "profiles.cost.litellm_settings.thing", "f.yaml:30"),
        )
        whole = Config(
            file=Path("/home/me/flowgate.yaml"),
            root=Path("/home/me"),
            embedded=False,
            paths=Paths(runtime, runtime / "litellm.active.yaml", runtime / "state.json", Path("/home/me/log")),
            services=services,
            litellm_base=base,
            profiles={"balanced": {}, "cost": {"router_settings": {"num_retries": 0}}},
            providers={},
            secret_files=(),
            bootstrap=BootstrapSettings(),
            vars={},
            references=references,
            places={"profiles": "/home/me/flowgate.yaml:21"},
        )
        return replace(whole, **changes)  # type: ignore[arg-type]

    return make

"""A small config, as settings would give it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.domain import BootstrapSettings, Config, Paths, Reference, ServiceSettings

SOUTH = "http://127.0.0.1:8317/v1"


def deployment(name: str, model: str, **more: object) -> dict[str, object]:
    return {"model_name": name, "litellm_params": {"model": model, **more}}


def settings(name: str, port: int, *args: str) -> ServiceSettings:
    return ServiceSettings(name, "127.0.0.1", port, None, None, None, args)


@pytest.fixture
def config() -> Callable[..., Config]:
    """Makes configs: `config(field=…)` replaces fields of a small complete one."""

    def make(**changes: object) -> Config:
        runtime = Path("/home/me/.router/runtime")
        services = {
            "litellm": settings("litellm", 4000, "/home/me/.router/runtime/bin/litellm"),
            "cliproxyapi_plus": settings("cliproxyapi_plus", 8317, ".router/runtime/bin/embedded-upstream"),
        }
        base = {
            "model_list": [
                deployment("router-default", "openai/big", api_base=SOUTH, api_key="os.environ/UPSTREAM_API_KEY"),
                deployment("router-cheap", "openai/small", api_base=SOUTH, api_key="os.environ/UPSTREAM_API_KEY"),
                deployment("elsewhere", "openai/gpt-x", api_key="os.environ/ELSEWHERE_KEY"),
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

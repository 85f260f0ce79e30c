"""Cooldowns of LiteLLM's router, and the model names at CLIProxyAPIPlus."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.config.loader import read
from flowgate.domain import LiteLLMSettings
from flowgate.gateway import cooldowns, router_inside
from tests.unit.gateway.conftest import UPSTREAM, deployment

if TYPE_CHECKING:
    from pathlib import Path

DEPLOYMENTS = [
    {
        "model_name": "one",
        "litellm_params": {"model": "openai/a", "api_base": "http://a/v1"},
        "model_info": {"id": "1"},
    },
    {"model_name": "two", "litellm_params": {"model": "anthropic/b"}, "model_info": {"id": "2"}},
]
ENTRY = {"exception_received": "key sk-1 is wrong", "status_code": "401", "timestamp": 10.0, "cooldown_time": 5.0}


def test_a_process_without_a_router_has_no_cooldowns() -> None:
    assert asyncio.run(cooldowns.active()) == []


def test_a_cooldown_has_no_vendor_message(monkeypatch: pytest.MonkeyPatch) -> None:
    async def active(ids: list[str], span: None) -> list[tuple[str, dict[str, Any]]]:
        assert ids == ["1", "2"]
        return [("2", ENTRY)]

    router = SimpleNamespace(model_list=DEPLOYMENTS, cooldown_cache=SimpleNamespace(async_get_active_cooldowns=active))
    monkeypatch.setitem(sys.modules, router_inside.PROXY, SimpleNamespace(llm_router=router))
    wanted = {"models": ["two"], "deployment": "anthropic/b", "address": "", "why": "401", "since": 10.0, "until": 15.0}
    assert asyncio.run(cooldowns.active()) == [wanted]


def test_models_at_the_upstream_have_its_names(tmp_path: Path) -> None:
    file = tmp_path / "flowgate.yaml"
    services = "services: {cliproxyapi_plus: {port: 8317, command: {args: [x]}}, litellm: {command: {args: [y]}}}"
    models = "litellm_base: {model_list: [{model_name: one, litellm_params: {model: openai/a}}]}"
    config = read(f"{services}\n{models}\nprofiles: {{balanced: {{}}}}\n", file)
    one = deployment("one", "openai/gpt-5", UPSTREAM)
    settings: LiteLLMSettings = {"model_list": [one, deployment("two", "anthropic/b", "http://a/v1")]}
    assert cooldowns.models_at_upstream(config, settings) == {"one": {"gpt-5"}}

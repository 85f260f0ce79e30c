"""Who LiteLLM's router leaves out: rows out of its own records, and what is asked in the south."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.config.loader import read
from flowgate.gateway import cooldowns

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


def test_a_process_without_a_router_benches_nobody() -> None:
    assert asyncio.run(cooldowns.active()) == []


def test_a_row_says_who_why_and_until_when_and_nothing_a_vendor_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def active(ids: list[str], span: None) -> list[tuple[str, dict[str, Any]]]:
        assert ids == ["1", "2"]
        return [("2", ENTRY)]

    router = SimpleNamespace(model_list=DEPLOYMENTS, cooldown_cache=SimpleNamespace(async_get_active_cooldowns=active))
    monkeypatch.setitem(sys.modules, cooldowns.PROXY, SimpleNamespace(llm_router=router))
    wanted = {"models": ["two"], "deployment": "anthropic/b", "address": "", "why": "401", "since": 10.0, "until": 15.0}
    assert asyncio.run(cooldowns.active()) == [wanted]


def test_what_is_asked_in_the_south_is_known_by_its_name_there(tmp_path: Path) -> None:
    file = tmp_path / "flowgate.yaml"
    south = "services: {cliproxyapi_plus: {port: 8317, command: {args: [x]}}, litellm: {command: {args: [y]}}}"
    models = "litellm_base: {model_list: [{model_name: one, litellm_params: {model: openai/a}}]}"
    config = read(f"{south}\n{models}\nprofiles: {{balanced: {{}}}}\n", file)
    params = {"model": "openai/gpt-5", "api_base": "http://127.0.0.1:8317/v1"}
    tree = {"model_list": [{"model_name": "one", "litellm_params": params}, *DEPLOYMENTS]}
    assert cooldowns.models_at_upstream(config, tree) == {"one": {"gpt-5"}}

"""The setting names of the locked LiteLLM, compared with its source (parsed, not imported)."""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from flowgate.gateway import litellm_keys, promises

NOT_SETTINGS = {"model_list", "search_tools", "assistants_config", "router_general_settings"} | {
    *("ignore_invalid_deployments", "fallback_access_check", "fallback_budget_check", "auto_router_capability_limit")
}


@cache
def source(path: str) -> ast.Module:
    found = find_spec("litellm")
    if found is None or found.origin is None:
        pytest.skip("LiteLLM is not installed")
    return ast.parse((Path(found.origin).parent / path).read_text(encoding="utf-8"))


def of_class(path: str, name: str) -> ast.ClassDef:
    return next(node for node in source(path).body if isinstance(node, ast.ClassDef) and node.name == name)


def fields(path: str, name: str) -> set[str]:
    nodes = [node.target for node in of_class(path, name).body if isinstance(node, ast.AnnAssign)]
    return {target.id for target in nodes if isinstance(target, ast.Name)}


def test_all_router_settings_are_known() -> None:
    body = of_class("router.py", "Router").body
    init = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    names = {arg.arg for arg in [*init.args.args, *init.args.kwonlyargs]} - {"self"}
    assert names - NOT_SETTINGS == litellm_keys.ROUTER


def test_all_names_in_policies_are_known() -> None:
    assert fields("types/router.py", "RetryPolicy") == litellm_keys.RETRY_POLICY
    assert fields("types/router.py", "AllowedFailsPolicy") == litellm_keys.FAILS_POLICY


def test_all_declared_general_settings_are_known() -> None:
    assert fields("proxy/_types.py", "ConfigGeneralSettings") <= litellm_keys.GENERAL


def test_the_librarys_default_for_allowed_fails_is_known() -> None:
    nodes = [node for node in source("__init__.py").body if isinstance(node, ast.AnnAssign)]
    values = {node.target.id: node.value for node in nodes if isinstance(node.target, ast.Name)}
    fails = values["allowed_fails"]
    assert isinstance(fails, ast.Constant)
    assert fails.value == promises.LIBRARY_FAILS

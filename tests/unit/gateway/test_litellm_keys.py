"""The setting names of the installed LiteLLM, compared with its source (parsed, not imported): it knows them all."""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from flowgate.gateway import known_keys, litellm_keys, promises
from flowgate.gateway.litellm_declarations import of_installed


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
    assert names - known_keys.NOT_SETTINGS == known_keys.names("router_settings", of_installed())
    assert names >= known_keys.NOT_SETTINGS


def test_all_names_in_policies_are_known() -> None:
    found = of_installed()
    assert fields("types/router.py", "RetryPolicy") == known_keys.names("router_settings.retry_policy", found)
    assert fields("types/router.py", "AllowedFailsPolicy") == known_keys.names(
        "router_settings.allowed_fails_policy", found
    )


def test_all_declared_general_settings_are_known() -> None:
    assert fields("proxy/_types.py", "ConfigGeneralSettings") <= known_keys.names("general_settings", of_installed())


def test_all_names_that_the_proxy_looks_up_are_known() -> None:
    found = of_installed()
    looked_up = found.looked_up("general_settings")
    assert len(looked_up) > 100
    assert all(known_keys.is_known("general_settings", name, found) for name in looked_up)


def test_the_names_listed_by_hand_are_a_part_of_what_is_read() -> None:
    found = of_installed()
    assert set(found.router) >= litellm_keys.ROUTER
    assert {*found.general, *found.looked_up("general_settings")} >= litellm_keys.GENERAL


def test_the_librarys_default_for_allowed_fails_is_known() -> None:
    nodes = [node for node in source("__init__.py").body if isinstance(node, ast.AnnAssign)]
    values = {node.target.id: node.value for node in nodes if isinstance(node.target, ast.Name)}
    fails = values["allowed_fails"]
    assert isinstance(fails, ast.Constant)
    assert fails.value == promises.LIBRARY_FAILS

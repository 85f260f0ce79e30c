"""A module imports each submodule that it uses: another module may not have imported it in the same process."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections import ChainMap
from collections.abc import Iterator
from functools import cache
from itertools import accumulate

import pytest

from tests.conftest import CHECKOUT

FILES = [*(CHECKOUT / "flowgate").rglob("*.py"), *(CHECKOUT / "dev").rglob("*.py"), CHECKOUT / "tasks.py"]
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
Names = ChainMap[str, str]


def missing(tree: ast.Module) -> set[str]:
    """Return the submodules that code uses as attributes without importing them, although no other is sure to."""
    return {used for used, imported in _used(tree, Names(), frozenset()) if used not in imported and not _comes(used)}


def _used(node: ast.AST, names: Names, imported: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each submodule that is used as an attribute, with what is imported there."""
    own, inner = _scope(node)
    names = names.new_child()
    for one in own:
        if isinstance(one, ast.Import):
            imported |= {part for alias in one.names for part in accumulate(alias.name.split("."), "{}.{}".format)}
            names |= {one.asname or _first(one.name): one.name if one.asname else _first(one.name) for one in one.names}
        elif isinstance(one, ast.ImportFrom) and one.module:
            imported |= {one.module, *(f"{one.module}.{alias.name}" for alias in one.names)}
            names |= {alias.asname or alias.name: f"{one.module}.{alias.name}" for alias in one.names}
    for one in own:
        if isinstance(one, ast.Attribute) and (used := _submodule(one, names)):
            yield used, imported
    for one in inner:
        yield from _used(one, names, imported)


def _scope(node: ast.AST) -> tuple[list[ast.AST], list[ast.AST]]:
    """Return what runs in the scope of a function or module, and the functions and classes inside it."""
    pending, own, inner = list(ast.iter_child_nodes(node)), list[ast.AST](), list[ast.AST]()
    while pending:
        one = pending.pop()
        if isinstance(one, SCOPES):
            inner.append(one)
        elif not (isinstance(one, ast.If) and ast.unparse(one.test) == "TYPE_CHECKING"):
            own.append(one)
            pending += ast.iter_child_nodes(one)
    return own, inner


def _first(name: str) -> str:
    return name.partition(".")[0]


def _submodule(node: ast.Attribute, names: Names) -> str:
    """Return the submodule that `a.b` is; empty if it is something else."""
    if isinstance(node.value, ast.Name):
        owner = names.get(node.value.id, "")
    else:
        owner = _submodule(node.value, names) if isinstance(node.value, ast.Attribute) else ""
    found = f"{owner}.{node.attr}"
    return found if owner and _is_module(found) else ""


@cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


@cache
def _comes(name: str) -> bool:
    """Return whether a submodule is there as soon as its package has been imported."""
    package, _, last = name.rpartition(".")
    code = f"import sys, {package}; sys.exit(not hasattr({package}, {last!r}))"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_each_module_imports_the_submodules_that_it_uses() -> None:
    found = {str(one.relative_to(CHECKOUT)): missing(ast.parse(one.read_text())) for one in FILES}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import importlib\nimportlib.util", {"importlib.util"}),
        ("import importlib.util\nimportlib.util", set()),
        ("import importlib.abc\ndef f():\n    return importlib.util.find_spec", {"importlib.util"}),
        ("import importlib\ndef f():\n    import importlib.util\nimportlib.util", {"importlib.util"}),
        ("import os\nos.path.join", set()),
        ("import xml as x\nx.dom.minidom", {"xml.dom", "xml.dom.minidom"}),
        ("from xml import dom\ndom.minidom.parse", {"xml.dom.minidom"}),
        ("from concurrent import futures\nfutures.thread", {"concurrent.futures.thread"}),
        ("import urllib.parse\nurllib.request", {"urllib.request"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import xml.dom\nimport xml\nxml.dom", {"xml.dom"}),
    ],
)
def test_a_submodule_that_is_not_imported_is_found(code: str, names: set[str]) -> None:
    assert missing(ast.parse(code)) == names

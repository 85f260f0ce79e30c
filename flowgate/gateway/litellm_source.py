"""Declarations in Python source, found by their text and parsed alone: signatures, classes, variables, types."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from textwrap import dedent

from flowgate.gateway.value_kinds import Kind, kind_of

VARIABLE = re.compile(r"^([a-z]\w*): ([^=\n]+?)(?: = .*)?(?:  # .*)?$", re.MULTILINE | re.ASCII)
SWITCH = re.compile(r"^([a-z]\w*) = (?:bool\(|\w+_flag\(|True\b|False\b)", re.MULTILINE | re.ASCII)
ALIAS = re.compile(r"^([A-Z]\w*)(?:: TypeAlias)? = ((?:list|List|Literal|Optional)\[)", re.MULTILINE | re.ASCII)


def parsed(text: str) -> list[ast.stmt]:
    """Return the statements of a text; none if it cannot be parsed.

    Args:
        text: The text.
    """
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def arguments(text: str, start: str, names: Mapping[str, ast.expr]) -> dict[str, Kind | None]:
    """Return the parameters of a function, or of the first `__init__` after the start.

    Args:
        text: The source of a module.
        start: The text before the parameters of the function, or before the class.
        names: Names of types → their definitions.
    """
    _, found, rest = text.partition(start)
    if found.startswith("\nclass"):
        _, found, rest = rest.partition("    def __init__(")
    signature = re.search(r"\n *\)(?: ->[^\n]*)?:", rest)
    if not found or not signature:
        return {}
    body = parsed(f"def call({rest[: signature.start()]}\n): pass")
    function = body[0] if body else None
    listed = [*function.args.args, *function.args.kwonlyargs] if isinstance(function, ast.FunctionDef) else []
    return {one.arg: kind_of(one.annotation, names) for one in listed if one.arg != "self"}


def block(text: str, name: str) -> str:
    """Return the text of a class at the outermost level; empty if there is none.

    Args:
        text: The source of a module.
        name: The class's name.
    """
    start = re.search(rf"^class {name}\b", text, re.MULTILINE)
    if not start:
        return ""
    end = re.compile(r"^(?=[^\s#)])", re.MULTILINE).search(text, start.end())
    return text[start.start() : end.start() if end else len(text)]


def fields(text: str, name: str, names: Mapping[str, ast.expr]) -> dict[str, Kind | None]:
    """Return the annotated fields of a class.

    Args:
        text: The source of a module.
        name: The class's name.
        names: Names of types → their definitions.
    """
    body = parsed(block(text, name))
    nodes = body[0].body if body and isinstance(body[0], ast.ClassDef) else []
    return {
        node.target.id: kind_of(node.annotation, names)
        for node in nodes
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id != "model_config"
    }


def variables(text: str) -> dict[str, Kind | None]:
    """Return the annotated variables of a module, and those that are switches by their values.

    Args:
        text: The source of the module.
    """
    found: dict[str, Kind | None] = {name: Kind(frozenset({"bool"})) for name in SWITCH.findall(text)}
    for name, annotation in VARIABLE.findall(text):
        body = parsed(dedent(annotation))
        found[name] = kind_of(body[0].value, {}) if body and isinstance(body[0], ast.Expr) else None
    return found


def aliases(text: str) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names of types that a module gives to lists, choices and optional types, and what they mean.

    Args:
        text: The source of the module.
    """
    for found in ALIAS.finditer(text):
        rest = text[found.start(2) :]
        end = rest.find("\n]")
        line = rest.partition("\n")[0]
        whole = line if line.count("[") == line.count("]") else rest[: end + 2]
        body = parsed(whole)
        if body and isinstance(body[0], ast.Expr):
            yield found[1], body[0].value

"""The values from which a condition is made, for people who read why it does not hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from flowgate.domain import Variables
from flowgate.errors import FlowGateError
from flowgate.playbook.expression_parser import parse_expression
from flowgate.playbook.expressions import evaluate

if TYPE_CHECKING:
    from jinja2 import nodes

SHOWN = 60  # characters of one value
MAX_OPERANDS = 5
SECRET = re.compile(r"(?i)api_?key|master_?key|secret|token(?!s)|passw|credential|authorization")


def explain(condition: str, variables: Variables) -> str:
    """Write the variables of a condition with their values.

    Args:
        condition: The condition as written, without braces.
        variables: The variables with which it was evaluated.

    Returns:
        For example "port is 4001, host is 'a'"; empty for a condition without variables. Secrets are hidden by name.
    """
    texts = list(dict.fromkeys(_operands(parse_expression(condition, bare=True).tree)))
    return ", ".join(f"{text} {_shown(text, variables)}" for text in texts[:MAX_OPERANDS])


def _shown(text: str, variables: Variables) -> str:
    try:
        value = evaluate(text, variables)
    except FlowGateError:
        return "is not defined"
    shown = "…" if SECRET.search(text) else repr(value)
    return f"is {shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + '…'}"


def _operands(node: nodes.Node) -> Iterator[str]:
    """Yield the longest names and paths (`a.b[0]`) in a tree, without functions."""
    from jinja2 import nodes

    text = _path(node)
    if text:
        yield text
        return
    for child in node.iter_child_nodes():
        if not (isinstance(node, nodes.Call) and child is node.node):
            yield from _operands(child)
        elif isinstance(child, nodes.Getattr):  # the object of a method
            yield from _operands(child.node)


def _path(node: Any) -> str:
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        start = _path(node.node)
        return f"{start}.{node.attr}" if start else ""
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        start = _path(node.node)
        return f"{start}[{node.arg.value!r}]" if start else ""
    return ""

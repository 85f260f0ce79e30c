"""Parse and compile Jinja2 expressions, and list the variables that they use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from flowgate.domain import Variables
from flowgate.errors import UnknownName, UsageError
from flowgate.playbook.sandbox import environment

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import SandboxedEnvironment

# Exceptions that Jinja2 and Python raise for a wrong expression.
EXPRESSION_ERRORS = (
    re.error,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)

LARGE = re.compile(r"[0-9][eE]\+?[0-9]{3}|[0-9]{300}")  # perhaps an infinite number

# Filters that take the name of a filter or test -> the position of the name, and what it names.
NAMING = {
    "map": (0, "filter"),
    "select": (0, "test"),
    "reject": (0, "test"),
    "selectattr": (1, "test"),
    "rejectattr": (1, "test"),
}


@dataclass
class Expression:
    """One parsed text.

    Attributes:
        names: Variables that it uses.
        guarded: Variables whose absence it handles with `is defined` or `default`.
        tree: The syntax tree.
    """

    names: frozenset[str]
    guarded: frozenset[str]
    tree: nodes.Template

    @cached_property
    def evaluate(self) -> Callable[[Variables], Any]:
        """Compile the expression, once, to a function from variables to its value."""
        return _compile(self.tree)


def has_template(value: object) -> bool:
    """Return whether a value contains an expression at any depth."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, dict):
        return any(has_template(entry) for entry in value.values())
    if isinstance(value, (list, tuple)):
        return any(has_template(entry) for entry in value)
    return False


def find_templates(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Find the texts with expressions inside a value.

    Args:
        value: Plain YAML data.
        path: Dotted path of the value.

    Yields:
        The dotted path and the text of each.
    """
    if isinstance(value, str):
        if has_template(value):
            yield path, value
    elif isinstance(value, (dict, list, tuple)):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in entries:
            yield from find_templates(entry, f"{path}.{key}" if path else str(key))


def parse_expression(text: str, at: str = "", *, bare: bool = False) -> Expression:
    """Parse one text without evaluating it.

    Args:
        text: The text as written.
        at: `file:line:column` of the text.
        bare: Whether the text is an expression without braces (`when`, `until`).

    Returns:
        The parsed expression, from a cache when the same text was parsed before.

    Raises:
        UsageError: The text does not parse, or uses an unknown filter or test.
    """
    if bare and not text.strip():
        raise UsageError("the expression is empty", fix="write a condition, such as: port == 4000", place=at)
    if bare and has_template(text):
        inner = text.replace("{{", "").replace("}}", "").strip()
        raise UsageError("a condition must be written without braces", fix=f"write: {inner}", place=at)
    try:
        return _parse(f"{{{{ {text} }}}}" if bare else text)
    except UsageError as error:
        raise UsageError(error.what, fix=error.fix, place=at) from None


@lru_cache(maxsize=2048)
def _parse(text: str) -> Expression:
    from jinja2 import TemplateError, nodes

    jinja = environment()
    try:
        tree = jinja.parse(text)
        if LARGE.search(text):
            _check_constants(tree)
        used = list(tree.find_all((nodes.Name, nodes.Filter, nodes.Test)))
        _check_names(jinja, used)
        names = _variables(tree, used) - jinja.globals.keys()
    except TemplateError as error:
        raise UsageError(f"the expression does not parse: {(error.message or str(error)).rstrip('.')}") from None
    except EXPRESSION_ERRORS as error:
        raise UsageError(f"the expression does not parse: {error or type(error).__name__}") from None
    return Expression(names, frozenset(_guarded(used)) & names, tree)


def _check_constants(tree: nodes.Template) -> None:
    """Refuse numbers that Python reads as infinite, which Jinja2 cannot compile."""
    from jinja2 import nodes

    for constant in tree.find_all(nodes.Const):
        if isinstance(constant.value, float) and constant.value - constant.value != 0:
            raise UsageError("a number in the expression is too large")


def _variables(tree: nodes.Template, used: list[nodes.Expr]) -> frozenset[str]:
    from jinja2 import meta, nodes

    if all(isinstance(part, nodes.Output) for part in tree.body):
        # Without statements nothing can bind a name. This is three times faster than `find_undeclared_variables`.
        return frozenset(node.name for node in used if isinstance(node, nodes.Name))
    return frozenset(meta.find_undeclared_variables(tree))


def _check_names(jinja: SandboxedEnvironment, used: list[nodes.Expr]) -> None:
    from jinja2 import nodes

    for node in used:
        if isinstance(node, nodes.Filter) and node.name not in jinja.filters:
            raise UnknownName("filter", node.name, known=jinja.filters)
        if isinstance(node, nodes.Test) and node.name not in jinja.tests:
            raise UnknownName("test", node.name, known=jinja.tests)
        if isinstance(node, nodes.Filter) and node.name in NAMING:
            position, kind = NAMING[node.name]
            named = node.args[position] if len(node.args) > position else None
            known = jinja.filters if kind == "filter" else jinja.tests
            if isinstance(named, nodes.Const) and isinstance(named.value, str) and named.value not in known:
                raise UnknownName(kind, named.value, known=known)


def _guarded(used: list[nodes.Expr]) -> Iterator[str]:
    from jinja2 import nodes

    for node in used:
        if isinstance(node, (nodes.Filter, nodes.Test)) and node.name in ("default", "d", "defined", "undefined"):
            inner = node.node
            while isinstance(inner, (nodes.Getattr, nodes.Getitem)):
                inner = inner.node
            if isinstance(inner, nodes.Name):
                yield inner.name


def _compile(tree: nodes.Template) -> Callable[[Variables], Any]:
    from jinja2 import nodes

    output = tree.body[0] if len(tree.body) == 1 else None
    whole = output.nodes[0] if isinstance(output, nodes.Output) and len(output.nodes) == 1 else None
    if whole is None or isinstance(whole, nodes.TemplateData):
        return environment().from_string(tree).render
    # The text is one expression. Jinja2 would convert its value to text; assigning it to a name keeps the type.
    program = nodes.Template([nodes.Assign(nodes.Name("result", "store"), whole, lineno=1)], lineno=1)
    program.set_environment(environment())
    template = environment().from_string(program)

    def evaluate(variables: Variables) -> Any:
        context = template.new_context(dict(variables))
        for _ in template.root_render_func(context):
            pass
        return context.vars["result"]

    return evaluate

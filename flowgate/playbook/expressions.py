"""Jinja2 expressions: sandboxed, strict, and of the type their value has.

A text that is one expression from end to end gives that expression's own value (`"{{ 3 }}"` is a number); any other
text gives text. What a variable *holds* is never read as a template again, unless somebody wrote it as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from flowgate.errors import UnknownName, UsageError
from flowgate.playbook.check_mode import Predicted
from flowgate.playbook.sandbox import environment, flag

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import SandboxedEnvironment

Locate = Callable[[str], str]  # dotted path within a value → `file:line:column`

# What Jinja2 and Python raise for an expression somebody wrote wrong.
FOREIGN = (
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


def nowhere(path: str) -> str:
    """Give no place: for values that stand in no file."""
    return ""


def fixed(place: str) -> Locate:
    """Give one place for whatever stands there."""
    return lambda path: place


@dataclass
class Expression:
    """One text, parsed.

    Attributes:
        names: The variables it needs.
        guarded: Those it asks for with `is defined` or `default`, so that they may be absent.
    """

    names: frozenset[str]
    guarded: frozenset[str]
    tree: nodes.Template

    @cached_property
    def evaluate(self) -> Callable[[dict[str, Any]], Any]:
        """Compile it, once; called with the variables, gives its value."""
        return _compiled(self.tree)


def templated(value: object) -> bool:
    """Tell whether a value holds an expression anywhere inside."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, dict):
        return any(templated(entry) for entry in value.values())
    if isinstance(value, (list, tuple)):
        return any(templated(entry) for entry in value)
    return False


def texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Give every text with an expression inside a value, with its dotted path."""
    if isinstance(value, str):
        if templated(value):
            yield path, value
    elif isinstance(value, (dict, list, tuple)):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in entries:
            yield from texts(entry, f"{path}.{key}" if path else str(key))


def study(text: str, at: str = "", *, bare: bool = False) -> Expression:
    """Parse one text, without running it.

    Args:
        at: `file:line:column` for the refusal.
        bare: The text is an expression without braces (`when`, `until`).

    Raises:
        UsageError: It does not parse or uses an unknown filter or test.
    """
    if bare and templated(text):
        inner = text.replace("{{", "").replace("}}", "").strip()
        raise UsageError("a condition is written without braces", fix=f"write: {inner}", place=at)
    try:
        return _parsed(f"{{{{ {text} }}}}" if bare else text)
    except UsageError as mistake:
        raise UsageError(mistake.what, fix=mistake.fix, place=at) from None


def names(value: object) -> frozenset[str]:
    """Name the variables that a value needs and that nothing in it guards with `is defined` or `default`."""
    found: set[str] = set()
    for _, text in texts(value):
        expression = study(text)
        found |= expression.names - expression.guarded
    return frozenset(found)


def render(value: Any, variables: Mapping[str, Any], at: Locate = nowhere, path: str = "") -> Any:
    """Fill in the expressions of a value, deep over lists and mappings; keys are left alone.

    Args:
        variables: May be lazy: only the names that an expression uses are asked for.
        at: Places of the texts inside, by their dotted path.

    Raises:
        UsageError: (UnknownName for a variable that nothing defines).
    """
    if isinstance(value, str):
        return _evaluated(study(value, at(path)), variables, at(path)) if templated(value) else value
    if isinstance(value, (dict, list)) and templated(value):
        start = f"{path}." if path else ""
        if isinstance(value, dict):
            return {key: render(entry, variables, at, f"{start}{key}") for key, entry in value.items()}
        return [render(entry, variables, at, f"{start}{index}") for index, entry in enumerate(value)]
    return value


def truth(expression: object, variables: Mapping[str, Any], at: Locate = nowhere) -> bool:
    """Tell whether a condition holds; of a list, whether all do.

    Args:
        expression: Without braces, or true or false.

    Returns:
        Texts such as "false" and "no" (what `-e flag=no` gives) count as what they say.

    Raises:
        UsageError: It cannot be evaluated.
    """
    if isinstance(expression, (list, tuple)):
        return all(truth(entry, variables, _below(at, index)) for index, entry in enumerate(expression))
    if not isinstance(expression, str):
        return bool(expression)
    return flag(value_of(expression, variables, at))


def value_of(expression: str, variables: Mapping[str, Any], at: Locate = nowhere) -> Any:
    """Give the value of an expression without braces.

    Raises:
        UsageError: It cannot be evaluated.
    """
    return _evaluated(study(expression, at(""), bare=True), variables, at(""))


def _below(at: Locate, index: int) -> Locate:
    return lambda path: at(str(index))


def _evaluated(expression: Expression, variables: Mapping[str, Any], at: str) -> Any:
    from jinja2 import TemplateError

    known = {name: variables[name] for name in expression.names - expression.guarded if name in variables}
    known |= _there(expression.guarded, variables)
    try:
        return _settled(expression.evaluate(known))
    except TemplateError as error:
        what = (error.message or str(error)).rstrip(".")
        for name in expression.names - known.keys():
            if what == f"'{name}' is undefined":
                raise UnknownName("variable", name, known=variables, at=at) from None
        raise UsageError(f"the expression fails: {what}", place=at) from error
    except FOREIGN as error:
        raise UsageError(f"the expression fails: {error or type(error).__name__}", place=at) from None


def _there(guarded: Collection[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Look up names that may be absent; what is made from something undefined counts as absent, as in Ansible."""
    from jinja2 import UndefinedError

    found: dict[str, Any] = {}
    for name in guarded:
        try:
            if name in variables:
                found[name] = variables[name]
        except UsageError as mistake:
            if not isinstance(mistake, UnknownName) and not isinstance(mistake.__cause__, UndefinedError):
                raise
    return found


def _settled(value: Any) -> Any:
    """Turn lazy sequences into lists, and refuse what is undefined inside."""
    from jinja2 import Undefined

    if isinstance(value, Undefined):
        return str(value)  # strict: raises, with Jinja2's own sentence; `x if y` without an else is an empty text
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if isinstance(value, dict):
        settled = {key: _settled(entry) for key, entry in value.items()}
        return Predicted(settled) if isinstance(value, Predicted) else settled
    if isinstance(value, (list, range, Iterator)) or type(value) in (tuple, type({}.keys()), type({}.values())):
        return [_settled(entry) for entry in value]
    return value


@lru_cache(maxsize=2048)
def _parsed(text: str) -> Expression:
    from jinja2 import TemplateError, nodes

    jinja = environment()
    try:
        tree = jinja.parse(text)
        marked = list(tree.find_all((nodes.Name, nodes.Filter, nodes.Test)))
        _closed_lists(jinja, marked)
        found = _needed(tree, marked) - jinja.globals.keys()
    except TemplateError as error:
        raise UsageError(f"the expression does not parse: {(error.message or str(error)).rstrip('.')}") from None
    except FOREIGN as error:
        raise UsageError(f"the expression does not parse: {error or type(error).__name__}") from None
    return Expression(found, frozenset(_guarded(marked)) & found, tree)


def _needed(tree: nodes.Template, marked: list[nodes.Expr]) -> frozenset[str]:
    from jinja2 import meta, nodes

    if all(isinstance(part, nodes.Output) for part in tree.body):
        # Without statements nothing can bind a name, and walking is three times faster than Jinja2's own way.
        return frozenset(node.name for node in marked if isinstance(node, nodes.Name))
    return frozenset(meta.find_undeclared_variables(tree))


def _closed_lists(jinja: SandboxedEnvironment, marked: list[nodes.Expr]) -> None:
    from jinja2 import nodes

    for node in marked:
        if isinstance(node, nodes.Filter) and node.name not in jinja.filters:
            raise UnknownName("filter", node.name, known=jinja.filters)
        if isinstance(node, nodes.Test) and node.name not in jinja.tests:
            raise UnknownName("test", node.name, known=jinja.tests)


def _guarded(marked: list[nodes.Expr]) -> Iterator[str]:
    from jinja2 import nodes

    for node in marked:
        if isinstance(node, (nodes.Filter, nodes.Test)) and node.name in ("default", "d", "defined", "undefined"):
            inner = node.node
            while isinstance(inner, (nodes.Getattr, nodes.Getitem)):
                inner = inner.node
            if isinstance(inner, nodes.Name):
                yield inner.name


def _compiled(tree: nodes.Template) -> Callable[[dict[str, Any]], Any]:
    from jinja2 import nodes

    output = tree.body[0] if len(tree.body) == 1 else None
    if (
        not isinstance(output, nodes.Output)
        or len(output.nodes) != 1
        or isinstance(output.nodes[0], nodes.TemplateData)
    ):
        return environment().from_string(tree).render
    whole = output.nodes[0]
    # One expression from end to end: assign it to a name and read that, so that it keeps its type.
    program = nodes.Template([nodes.Assign(nodes.Name("result", "store"), whole, lineno=1)], lineno=1)
    program.set_environment(environment())
    template = environment().from_string(program)

    def evaluate(known: dict[str, Any]) -> Any:
        context = template.new_context(known)
        for _ in template.root_render_func(context):
            pass
        return context.vars["result"]

    return evaluate

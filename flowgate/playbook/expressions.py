"""Evaluate Jinja2 expressions.

A text that is one expression from end to end has that expression's value and type (`"{{ 3 }}"` is a number). Any other
text with expressions becomes text. The value of a variable is not treated as a template, unless it is written as one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from flowgate.domain import Value, Variables
from flowgate.errors import UnknownName, UsageError
from flowgate.playbook.check_mode import Predicted
from flowgate.playbook.expression_parser import EXPRESSION_ERRORS, Expression, has_template, parse_expression
from flowgate.playbook.limits import require_data, require_entries, require_value
from flowgate.playbook.locate import Locate, below, no_location
from flowgate.system.memory_limit import limited_memory


def render(value: Any, variables: Variables, at: Locate = no_location, path: str = "") -> Any:
    """Evaluate the expressions inside a value, at any depth of lists and mappings. Keys are not evaluated.

    Args:
        value: Plain YAML data.
        variables: May be lazy: only the names that an expression uses are looked up.
        at: Locates the texts inside the value.
        path: Dotted path of the value.

    Returns:
        The value with all expressions replaced.

    Raises:
        UsageError: An expression fails; `UnknownName` when a variable is undefined.
    """
    if isinstance(value, str):
        return _evaluated(parse_expression(value, at(path)), variables, at(path)) if has_template(value) else value
    if isinstance(value, (dict, list)) and has_template(value):
        start = f"{path}." if path else ""
        if isinstance(value, dict):
            return {key: render(entry, variables, at, f"{start}{key}") for key, entry in value.items()}
        return [render(entry, variables, at, f"{start}{index}") for index, entry in enumerate(value)]
    return value


def is_true(expression: object, variables: Variables, at: Locate = no_location) -> bool:
    """Evaluate a condition, or a list of conditions that must all hold.

    Args:
        expression: An expression without braces, a truth value, or a list of both.
        variables: See `render`.
        at: Locates the conditions.

    Returns:
        Whether all conditions hold.

    Raises:
        UsageError: A condition cannot be evaluated, or its value is neither true nor false.
    """
    if isinstance(expression, (list, tuple)):
        return all(is_true(entry, variables, below(at, str(index))) for index, entry in enumerate(expression))
    value = evaluate(expression, variables, at) if isinstance(expression, str) else expression
    if isinstance(value, bool):
        return value
    raise not_boolean(str(expression), value, at(""))


def not_boolean(expression: str, value: object, at: str) -> UsageError:
    """Describe a condition whose value is neither true nor false. Its value may be a secret, so it is not shown.

    Source: ansible-core 2.19, "Broken conditionals". Inside an expression (`not x`, `x and y`, `a if x`), Python
    decides: empty, zero and null are false, everything else is true, also the text "false".

    Args:
        expression: The condition as written.
        value: Its value.
        at: `file:line:column` of the condition.

    Returns:
        The error, with what to write instead.
    """
    shown = expression.strip()
    shown = shown if len(shown) <= 60 else f"{shown[:59]}…"
    short = shown if shown.replace(".", "").replace("_", "").isalnum() else f"({shown})"
    kind, fix = next(
        (kind, fix.format(short))
        for types, kind, fix in (
            (str, "a text", "write: {0} | bool, if it says true or false; else compare it: {0} != ''"),
            ((int, float), "a number", "write: {0} != 0"),
            ((list, tuple, Mapping), "a list or a mapping", "write: {0} | length > 0"),
            (type(None), "null", "write: {0} is not none"),
            (object, "another value", "write a comparison"),
        )
        if isinstance(value, types)
    )
    return UsageError(f"the condition '{shown}' is {kind}, neither true nor false", fix=fix, place=at)


def evaluate(expression: str, variables: Variables, at: Locate = no_location) -> Any:
    """Evaluate an expression without braces.

    Args:
        expression: The expression as written.
        variables: See `render`.
        at: Locates the expression.

    Returns:
        The value.

    Raises:
        UsageError: The expression cannot be evaluated.
    """
    return _evaluated(parse_expression(expression, at(""), bare=True), variables, at(""))


def _evaluated(expression: Expression, variables: Variables, at: str) -> Any:
    from jinja2 import TemplateError

    known = {name: variables[name] for name in expression.names - expression.guarded if name in variables}
    known |= _lookup_guarded(expression.guarded, variables)
    try:
        with limited_memory():
            return _settled(expression.evaluate(known))
    except TemplateError as error:
        what = (error.message or str(error)).rstrip(".")
        for name in expression.names - known.keys():
            if what == f"'{name}' is undefined":
                raise UnknownName("variable", name, known=variables, at=at) from None
        raise UsageError(f"the expression fails: {what}", place=at) from error
    except MemoryError:
        raise UsageError("the expression fails: its values need too much memory", place=at) from None
    except EXPRESSION_ERRORS as error:
        raise UsageError(f"the expression fails: {str(error) or type(error).__name__}", place=at) from None


def _lookup_guarded(names: Collection[str], variables: Variables) -> Mapping[str, Value]:
    """Look up variables that may be absent. One that is made from an undefined variable is absent, as in Ansible."""
    from jinja2 import UndefinedError

    found = {}
    for name in names:
        try:
            if name in variables:
                found[name] = variables[name]
        except UsageError as error:
            if not isinstance(error, UnknownName) and not isinstance(error.__cause__, UndefinedError):
                raise
    return found


def _settled(value: Any, count: list[int] | None = None) -> Any:
    """Convert lazy sequences to lists, and raise for undefined values inside, and when there are too many values."""
    count = [0] if count is None else count
    count[0] += 1
    require_entries(count[0])
    if value is None or isinstance(value, (str, int, float)):
        require_value(value)
        return value
    if isinstance(value, dict):
        settled = {key: _settled(entry, count) for key, entry in value.items()}
        return Predicted(settled) if isinstance(value, Predicted) else settled
    if isinstance(value, (list, range, Iterator)) or type(value) in (tuple, type({}.keys()), type({}.values())):
        return [_settled(entry, count) for entry in value]
    from jinja2 import Undefined

    # StrictUndefined raises here; `x if y` without else becomes an empty text
    if isinstance(value, Undefined):
        return str(value)
    require_data(value)
    return value

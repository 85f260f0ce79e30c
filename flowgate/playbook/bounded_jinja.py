"""The class of the Jinja2 environment: sandboxed, immutable, and with results of a bounded size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from types import BuiltinMethodType
from typing import Any

from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedFormatter

from flowgate.playbook import limits
from flowgate.playbook.check_mode import Predicted

# Filters of Jinja2 and of the language that pad or repeat as often as an argument says.
REPEATING = ("batch", "center", "filesizeformat", "format", "indent", "slice", "to_json", "tojson", "wordwrap")


class BoundedFormatter(SandboxedFormatter):
    """Formats texts (`"{:>8}".format(x)`), up to a bounded width."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Format one value."""
        limits.require_spec(format_spec)
        return str(super().format_field(value, format_spec))


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Refuses results that are too large, and prefers keys to attributes.

    `result.items` is the key `items` if a step registered one, not the method.
    """

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a key, else an attribute."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, Predicted) and not hasattr(obj, attribute):
            return obj[attribute]  # raises Unpredicted: the key is unknown, not undefined
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute one of `intercepted_binops`."""
        limits.require_operation(operator, left, right)
        found = super().call_binop(context, operator, left, right)
        if isinstance(found, int):
            limits.require_number(found)
        return found

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as in Jinja2
        """Call a function or method."""
        if isinstance(__obj, BuiltinMethodType):
            if isinstance(__obj.__self__, str):
                limits.require_method(__obj.__self__, __obj.__name__, args)
            else:
                limits.require_arguments((*args, *kwargs.values()))  # (1).to_bytes(10**9)
        return super().call(__context, __obj, *args, **kwargs)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Replace `str.format` and `str.format_map` by a bounded function."""
        if super().wrap_str_format(value) is None:
            return None
        text, name = str(value.__self__), value.__name__

        def format_text(*args: Any, **kwargs: Any) -> str:
            named, listed = (args[0], ()) if name == "format_map" and args else (kwargs, args)
            return BoundedFormatter(self).vformat(text, listed, named)

        return format_text


def bound_filters(found: dict[str, Callable[..., Any]]) -> None:
    """Replace the filters that pad or repeat by bounded ones.

    Args:
        found: Filters by name; changed in place.
    """
    for name in REPEATING:
        found[name] = _bounded(found[name])
    found["replace"] = _bounded_replace(found["replace"])


def _bounded(filter_: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(filter_)
    def run(*args: Any, **kwargs: Any) -> Any:
        numbers = (*args[1:], *kwargs.values())
        limits.require_arguments(numbers)
        if filter_.__name__ == "do_format":
            limits.require_format(str(args[0]), args[1:])
        if filter_.__name__ == "do_indent":
            widest = max((one for one in numbers if isinstance(one, int)), default=0)
            limits.require_length((str(args[0]).count("\n") + 1) * widest)
        return filter_(*args, **kwargs)

    return run


def _bounded_replace(filter_: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(filter_)
    def run(context: Any, text: Any, old: Any, new: Any, *more: Any, **kwargs: Any) -> Any:
        limits.require_replacement(text, old, new)
        return filter_(context, text, old, new, *more, **kwargs)

    return run

"""The Jinja2 environment of expressions: sandboxed, strict, with the filters and tests of the language."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from flowgate.domain import Value
from flowgate.playbook import filters, limits

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def to_bool(value: object) -> bool:
    """Convert a value that says true or false (the filter `bool`).

    Source: ansible-core 2.19, `plugins/filter/core.py`: any other value is False, which is deprecated.

    Args:
        value: A truth value, one of the words of `BOOLEANS`, 1 or 0. An empty text and null are false.

    Returns:
        The truth value.

    Raises:
        ValueError: The value says neither.
    """
    word = "" if value is None else str(value).lower() if isinstance(value, (str, int)) else str(value)
    known = {**BOOLEANS, "": False, "1.0": True, "0.0": False}
    if word in known:
        return known[word]
    words = ", ".join(BOOLEANS)
    raise ValueError(f"'{word[:40]}' says neither true nor false; `bool` reads {words}; compare the value instead")


@cache
def environment() -> SandboxedEnvironment:
    """Create the Jinja2 environment, once."""
    from jinja2 import StrictUndefined, pass_context

    from flowgate.playbook.bounded_jinja import BoundedEnvironment, bound_filters

    @pass_context
    def finalize(context: object, value: Any) -> Any:
        if isinstance(value, Iterator):
            value = list(value)
        limits.require_value(value)
        limits.require_data(value)
        return "" if value is None else value  # inside a text, as in Ansible

    # Without these two settings Jinja2 computes constants while it compiles, and checking `{{ 9 ** 9 ** 9 }}` hangs.
    jinja = BoundedEnvironment(undefined=StrictUndefined, optimized=False, finalize=finalize)
    jinja.filters |= {"bool": to_bool, "to_json": json.dumps, "from_json": json.loads, **filters.FILTERS}
    bound_filters(jinja.filters)
    jinja.tests |= filters.TESTS | {
        "failed": _registered("failed", True),
        "succeeded": _registered("failed", False),
        "success": _registered("failed", False),
        "changed": _registered("changed", True),
        "skipped": _registered("skipped", True),
    }
    return jinja


def _registered(key: str, wanted: bool) -> Callable[[Mapping[str, Value]], bool]:
    return lambda value: bool(value[key]) is wanted

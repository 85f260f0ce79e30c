"""The Jinja2 that expressions run in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from flowgate.playbook import filters
from flowgate.playbook.check_mode import Predicted

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def flag(value: object) -> bool:
    """Read a value as true or false, texts by what they say."""
    if isinstance(value, str):
        return WORDS.get(value.strip().lower(), bool(value.strip()))
    return bool(value)


@cache
def environment() -> SandboxedEnvironment:
    """Make the one Jinja2 environment: sandboxed, strict, with the filters and tests of this language."""
    from jinja2 import StrictUndefined, pass_context
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class KeysFirst(ImmutableSandboxedEnvironment):
        """In Jinja2 `result.items` is a method even where a step registered the key `items`; here the key wins."""

        def getattr(self, obj: Any, attribute: str) -> Any:
            if isinstance(obj, Mapping) and attribute in obj:
                return obj[attribute]
            if isinstance(obj, Predicted) and not hasattr(obj, attribute):
                return obj[attribute]  # not undefined: a check does not know it
            return super().getattr(obj, attribute)

    @pass_context
    def finalize(context: object, value: Any) -> Any:
        return "" if value is None else value  # in the middle of a text, as in Ansible

    # Both settings keep Jinja2 from computing constants while it compiles: checking `{{ 9 ** 9 ** 9 }}` must not hang.
    jinja = KeysFirst(undefined=StrictUndefined, optimized=False, finalize=finalize)
    jinja.filters |= {"bool": flag, "to_json": json.dumps, "from_json": json.loads, **filters.FILTERS}
    jinja.tests |= filters.TESTS | {
        word: _registered(key, wanted)
        for word, key, wanted in (
            ("failed", "failed", True),
            ("succeeded", "failed", False),
            ("success", "failed", False),
            ("changed", "changed", True),
            ("skipped", "skipped", True),
        )
    }
    return jinja


def _registered(key: str, wanted: bool) -> Callable[[Mapping[str, Any]], bool]:
    return lambda value: bool(value[key]) is wanted

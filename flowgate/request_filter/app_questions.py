"""Questions that the filter asks about the app, in the app's own process."""

from __future__ import annotations

import importlib
from typing import Any


def ask(path: str, *given: object) -> Any:
    """Call a function that the rules name.

    Args:
        path: "module:function".
        given: Its arguments.
    """
    module, _, function = path.partition(":")
    return getattr(importlib.import_module(module), function)(*given)

"""What a generation is asked about its own inside: the function that its program names, called where it serves."""

from __future__ import annotations

import importlib
import inspect

from flowgate.supervisor.protocol import Message


async def tell(named: str) -> Message:
    """Call a function of the program's own, and give what it found.

    Args:
        named: "module:function"; the function gives rows, plain data, or an awaitable of them. Empty for a
            program that knows no answer.

    Returns:
        `rows`, or the `error` that kept it from answering.
    """
    if not named:
        return {"event": "told", "error": "it was started before it could be asked that"}
    module, _, name = named.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)()
        rows = await found if inspect.isawaitable(found) else found
    except Exception as fault:  # noqa: BLE001 - whatever the app's inside has become: it must go on serving
        return {"event": "told", "error": f"{type(fault).__name__}: {fault}"}
    return {"event": "told", "rows": rows}

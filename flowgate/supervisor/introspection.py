"""Queries about the inside of a worker: functions that its program names, called in the process that serves."""

from __future__ import annotations

import importlib
import inspect

from flowgate.supervisor.protocol import WorkerEvent


async def run_query(function: str) -> WorkerEvent:
    """Call a function of the program.

    Args:
        function: "module:function". It returns rows of plain data, or an awaitable of them. Empty when the program does
            not know the query.

    Returns:
        The event `query_result` with `rows`, or with the `error` that prevented them.
    """
    if not function:
        return {"event": "query_result", "error": "it was started by a version that does not support this query"}
    module, _, name = function.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)()
        rows = await found if inspect.isawaitable(found) else found
    except Exception as fault:  # noqa: BLE001 - whatever state the app is in, it must keep serving
        return {"event": "query_result", "error": f"{type(fault).__name__}: {fault}"}
    return {"event": "query_result", "rows": rows}

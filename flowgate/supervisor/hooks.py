"""Hooks of a program: functions that its worker calls in its own process."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping

from flowgate.supervisor.program_tree import ProgramTree

LOG = logging.getLogger("uvicorn.error")


def run_hook(program: ProgramTree | None, name: str, *given: object) -> Mapping[str, str] | None:
    """Call a hook; whatever it does, the worker keeps serving.

    Args:
        program: The worker's program.
        name: The hook's name.
        given: Its arguments.

    Returns:
        What the hook could not do, and why; None when the program has no such hook, or the hook failed.
    """
    path = (program.get("hooks") or {}).get(name, "") if program else ""
    if not path:
        return None
    module, _, function = path.partition(":")
    try:
        missing: Mapping[str, str] = getattr(importlib.import_module(module), function)(*given)
    except Exception as fault:  # noqa: BLE001 - the app works without its hooks, and must keep serving
        LOG.warning("flowgate: the hook %s failed: %s: %s", name, type(fault).__name__, fault)
        return None
    for what, why in missing.items():
        LOG.warning("flowgate: %s of this app cannot be observed: %s", what, why)
    return missing

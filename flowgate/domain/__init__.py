"""The nouns that travel between floors: frozen, without behaviour beyond what reads them.

Where a value was set travels with it (`Sourced`); a secret travels as a `Secret` and cannot be printed.

Each room's nouns are read when one of them is first asked for: a frozen dataclass costs 0.7 ms at import, and a command
that only looks needs few of them. Small nouns that every command needs are named tuples, which cost 0.1 ms.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowgate.domain.config import BootstrapSettings, Config, Paths, ProviderSettings, Reference, ServiceSettings
    from flowgate.domain.forking import ForkServerSettings, WarmUp
    from flowgate.domain.playbook import Change, Facts, LoopControl, Outcome, Play, Report, Result, Task
    from flowgate.domain.services import Document, Program, Service, Stack
    from flowgate.domain.values import Secret, Sourced, Tree

__all__ = [
    "BootstrapSettings",
    "Change",
    "Config",
    "Document",
    "Facts",
    "ForkServerSettings",
    "LoopControl",
    "Outcome",
    "Paths",
    "Play",
    "Program",
    "ProviderSettings",
    "Reference",
    "Report",
    "Result",
    "Secret",
    "Service",
    "ServiceSettings",
    "Sourced",
    "Stack",
    "Task",
    "Tree",
    "WarmUp",
]

ROOMS = {
    "forking": ("ForkServerSettings", "WarmUp"),
    "playbook": ("Facts", "LoopControl", "Outcome", "Play", "Report", "Result", "Task", "Change"),
    "values": ("Secret", "Sourced", "Tree"),
    "config": ("BootstrapSettings", "Config", "Paths", "ProviderSettings", "Reference", "ServiceSettings"),
    "services": ("Document", "Program", "Service", "Stack"),
}
PLACES = {name: room for room, names in ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """Find a noun in its room, once."""
    if name not in PLACES:
        raise AttributeError(name)
    room = importlib.import_module(f"flowgate.domain.{PLACES[name]}")
    globals()[name] = getattr(room, name)
    return globals()[name]

"""Frozen records that travel between packages, without behaviour beyond reading them.

The source of a value travels with it (`Sourced`); a secret travels as a `Secret` and cannot be printed.

Each module is imported when one of its records is first used: defining a frozen dataclass costs 0.7 ms at import, and
a read-only command needs few of them. Small records that every command needs are named tuples, which cost 0.1 ms.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowgate.domain.config import (
        BootstrapSettings,
        Config,
        ImpliedService,
        Paths,
        ProviderSettings,
        Reference,
        RemoteUpstream,
        ServiceSettings,
    )
    from flowgate.domain.forking import ForkServerSettings, WarmUp
    from flowgate.domain.litellm_environment import LiteLLMEnvironment
    from flowgate.domain.playbook import Change, Facts, LoopControl, Outcome, Play, Report, Result, Task
    from flowgate.domain.run_state import RunState
    from flowgate.domain.services import Document, Program, Service, Stack
    from flowgate.domain.settings import (
        Deployment,
        DeploymentParams,
        LiteLLMSettings,
        RouterSettings,
        Target,
        UpstreamSettings,
    )
    from flowgate.domain.values import Secret, Sourced, Value, Variables

__all__ = [
    "BootstrapSettings",
    "Change",
    "Config",
    "Deployment",
    "DeploymentParams",
    "Document",
    "Facts",
    "ForkServerSettings",
    "ImpliedService",
    "LiteLLMEnvironment",
    "LiteLLMSettings",
    "LoopControl",
    "Outcome",
    "Paths",
    "Play",
    "Program",
    "ProviderSettings",
    "Reference",
    "RemoteUpstream",
    "Report",
    "Result",
    "RouterSettings",
    "RunState",
    "Secret",
    "Service",
    "ServiceSettings",
    "Sourced",
    "Stack",
    "Target",
    "Task",
    "UpstreamSettings",
    "Value",
    "Variables",
    "WarmUp",
]

MODULES = {
    "config": (
        *("BootstrapSettings", "Config", "ImpliedService", "Paths", "ProviderSettings", "Reference"),
        *("RemoteUpstream", "ServiceSettings"),
    ),
    "forking": ("ForkServerSettings", "WarmUp"),
    "litellm_environment": ("LiteLLMEnvironment",),
    "playbook": ("Change", "Facts", "LoopControl", "Outcome", "Play", "Report", "Result", "Task"),
    "run_state": ("RunState",),
    "services": ("Document", "Program", "Service", "Stack"),
    "settings": (
        *("Deployment", "DeploymentParams", "LiteLLMSettings", "RouterSettings", "Target", "UpstreamSettings"),
    ),
    "values": ("Secret", "Sourced", "Value", "Variables"),
}
MODULE_OF = {name: module for module, names in MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import the module of a record when the record is first used."""
    if name not in MODULE_OF:
        raise AttributeError(name)
    module = importlib.import_module(f"flowgate.domain.{MODULE_OF[name]}")
    globals()[name] = getattr(module, name)
    return globals()[name]

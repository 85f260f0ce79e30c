"""The state of a run: what its steps have decided so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flowgate.domain.litellm_environment import LiteLLMEnvironment
from flowgate.domain.values import Sourced


@dataclass(slots=True)
class RunState:
    """What this run has decided so far.

    Attributes:
        profile: The profile that is rendered, started and tested.
        ports: Service → port; None until the ports are chosen.
        litellm: The environment from which LiteLLM runs; None means the one in force.
        warned: Config places for which a warning has been shown.
        replaced: File that this run wrote for a LiteLLM that is not promoted yet → its text before, None if there was
            none.
    """

    profile: Sourced[str]
    ports: dict[str, int] | None = None
    litellm: LiteLLMEnvironment | None = None
    warned: set[str] = field(default_factory=set)
    replaced: dict[Path, str | None] = field(default_factory=dict)

"""The record of a Python environment in which LiteLLM is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LiteLLMEnvironment:
    """A Python environment that can serve LiteLLM: FlowGate's own, or one that an upgrade has built.

    Attributes:
        version: LiteLLM's version.
        python: The environment's interpreter, absolute.
        site_packages: The folder of its installed distributions.
        digest: Identifies the Python version and every installed distribution with its version.
        bundled: It came with FlowGate; it is never changed or deleted.
    """

    version: str
    python: Path
    site_packages: Path
    digest: str
    bundled: bool = False

    @property
    def name(self) -> str:
        """Its name in records: the name of its folder; empty for the environment that came with FlowGate."""
        return "" if self.bundled else self.version

"""What every order stands on: the config in use, and the keeper of its runtime folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowgate.cli import console
from flowgate.domain import Config, Sourced
from flowgate.errors import DiskError, UsageError
from flowgate.system import files, locations

if TYPE_CHECKING:
    from flowgate.supervisor.client import SupervisorClient

ENVIRONMENT = "FLOWGATE_CONFIG"
USUAL = Path("config") / "flowgate.yaml"
DEFAULT_PROFILE = "balanced"

typed_config: list[str] = []  # what `--config` said; filled once, by the front door


@dataclass(frozen=True)
class Session:
    """The config in use, who named it, and the environment of the command.

    Attributes:
        kept: The keeper of the runtime folder; None lets it be made when it is first needed: its room is not
            light.
    """

    config: Config
    named: Sourced[Path]
    environment: Mapping[str, str]
    kept: SupervisorClient | None = None

    @cached_property
    def supervisor(self) -> SupervisorClient:
        """Give the keeper of the runtime folder."""
        if self.kept is not None:
            return self.kept
        from flowgate.supervisor.client import SupervisorClient

        return SupervisorClient(self.config.paths.runtime_dir, self.config.paths.log_file)

    def describe(self) -> str:
        """Say which config is in use, and why."""
        if self.config.embedded:
            return "config: the embedded default (FlowGate's own upstream, not a provider)"
        why = {"typed": "--config", "environment": ENVIRONMENT, "default": "the usual place"}[self.named.by]
        return f"config: {self.config.file} ({why})"

    def state(self) -> dict[str, Any]:
        """Read what was in force last; empty when nothing was, or when the file cannot be read."""
        text = files.read_text_or_none(self.config.paths.state_file)
        try:
            state = json.loads(text) if text else {}
        except ValueError:
            console.note(
                f"warning: {self.config.paths.state_file} is damaged and ignored; the next switch writes it anew"
            )
            return {}
        return state if isinstance(state, dict) else {}

    def profile(self, typed: str = "") -> Sourced[str]:
        """Settle the profile: what was typed, else what was in force last, else the default."""
        if typed:
            return Sourced(typed, "typed")
        last = self.state().get("current_profile")
        if isinstance(last, str) and last in self.config.profiles:
            return Sourced(last, "state")
        names = list(self.config.profiles)
        return Sourced(DEFAULT_PROFILE if DEFAULT_PROFILE in names else names[0], "default")


def open_session(*, quiet: bool = False) -> Session:
    """Find and read the config in use: `--config`, `FLOWGATE_CONFIG`, `config/flowgate.yaml`, the embedded default.

    Args:
        quiet: Say nothing of what was migrated.

    Raises:
        UsageError: A config that is absent or wrong, with every fault of the file.
    """
    from flowgate.config.loader import read

    named = locate_config()
    embedded_file = locations.examples() / "embedded.yaml"
    embedded = named.value == embedded_file
    try:
        text = files.read_text(named.value)
    except DiskError as error:
        raise UsageError(error.what, fix=error.fix) from None
    root = locations.state_folder() if embedded else None
    config = read(text, named.value, root=root, embedded=embedded)
    for line in () if quiet else config.notes:
        console.note(f"note: {line}")
    return Session(config, named, dict(os.environ))


def locate_config() -> Sourced[Path]:
    """Find the config in use, and who named it, without reading it.

    Raises:
        UsageError: One that is named and absent.
    """
    if typed_config:
        return Sourced(_existing(typed_config[-1], "--config"), "typed")
    if os.environ.get(ENVIRONMENT):
        return Sourced(_existing(os.environ[ENVIRONMENT], ENVIRONMENT), "environment", ENVIRONMENT)
    usual = (locations.checkout() or Path.cwd()) / USUAL
    if usual.is_file():
        return Sourced(usual, "default")
    return Sourced(locations.examples() / "embedded.yaml", "default")


def _existing(given: str, by: str) -> Path:
    path = Path(given).expanduser().absolute()
    if not path.is_file():
        fix = f"give {by} the path of a config file, or leave it out to use the embedded default"
        raise UsageError(f"there is no config file at {path} (named by {by})", fix=fix)
    return path

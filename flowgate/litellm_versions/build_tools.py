"""What resolving and building need beside what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from flowgate.domain import Config


@dataclass(frozen=True, slots=True)
class BuildTools:
    """What a build needs beside what is wanted.

    Attributes:
        config: The config in use.
        environment: The command's environment variables.
        now: The time.
        show: Shows what the build does now.
        emit: Shows a warning.
        running: The names of the environments in which LiteLLM runs.
    """

    config: Config
    environment: Mapping[str, str]
    now: datetime
    show: Callable[[str], None]
    emit: Callable[[str], None]
    running: Collection[str] = ()

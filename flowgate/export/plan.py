"""What an export is made from, read and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from flowgate.domain import Config

MARGIN_SECONDS = 60  # between the longest stream and the moment at which the engine kills the container


class Address(NamedTuple):
    """Host and port of a server."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ProfileFacts:
    """What an export needs to know of one profile.

    Attributes:
        name: The profile's name.
        quiet_seconds: How long a client may hear nothing: every model is silent until its timeout.
        southbound: CLIProxyAPIPlus' settings under this profile, without keys; empty if the gateway has none.
    """

    name: str
    quiet_seconds: float
    southbound: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Images:
    """Container images, each with a digest; empty where the export needs none.

    Attributes:
        gateway: FlowGate with its runtime.
        southbound: CLIProxyAPIPlus.
        proxy: HAProxy.
        redis: Redis.
    """

    gateway: str = ""
    southbound: str = ""
    proxy: str = ""
    redis: str = ""


class Unit(NamedTuple):
    """What a systemd unit of this host runs.

    Attributes:
        command: The command line.
        working_folder: The folder in which it runs.
        folder: The folder of the exported files.
        user: The user of a system unit; empty for a user's own unit.
        has_southbound: It runs CLIProxyAPIPlus too.
        title: What `systemctl` shows beside the programs.
    """

    command: tuple[str, ...]
    working_folder: str = "/"
    folder: str = "/"
    user: str = ""
    has_southbound: bool = False
    title: str = "flowgate"


@dataclass(frozen=True, slots=True)
class Plan:
    """An export of one config.

    Attributes:
        config: The config.
        profiles: The profiles to export.
        images: The container images.
        redis: The Redis server that all gateways share; None for none.
        southbound_program: Path of CLIProxyAPIPlus in its image.
        southbound_readiness: The path that says whether CLIProxyAPIPlus is ready.
        gateways: How many gateways run, at least.
        remote_ca: The certificate of the private CA of a CLIProxyAPIPlus that runs elsewhere already; empty for none.
        unit: What a systemd unit runs; None for other exports.
    """

    config: Config
    profiles: tuple[ProfileFacts, ...]
    images: Images
    redis: Address | None = None
    southbound_program: str = ""
    southbound_readiness: str = "/"
    gateways: int = 2
    remote_ca: str = ""
    unit: Unit | None = None

    @property
    def has_southbound(self) -> bool:
        """Return whether the gateway has a CLIProxyAPIPlus of its own."""
        return any(one.southbound for one in self.profiles)

    @property
    def drain_seconds(self) -> int:
        """Return how long a request may take after its gateway was told to stop."""
        return math.ceil(self.config.services["litellm"].drain_timeout)

    @property
    def longest_seconds(self) -> int:
        """Return how long a stream may take, and be silent: the drain timeout, or the silence of every model."""
        return max(self.drain_seconds, *(math.ceil(one.quiet_seconds) for one in self.profiles))

    @property
    def grace_seconds(self) -> int:
        """Return after how many seconds an engine may kill a gateway that it has told to stop."""
        return self.longest_seconds + MARGIN_SECONDS

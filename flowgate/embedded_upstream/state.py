"""The state that all handlers share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flowgate.embedded_upstream.accounts import Accounts
from flowgate.embedded_upstream.error_logs import ErrorLogs
from flowgate.embedded_upstream.settings import Settings
from flowgate.embedded_upstream.usage import Usage
from flowgate.embedded_upstream.versions import Contract


@dataclass(slots=True)
class Vendor:
    """The vendor behind all accounts, which this program simulates.

    Attributes:
        status: The status of its responses.
        calls: How often it was called.
        headers: Headers of its responses, as the usage records show them.
    """

    status: int = 200
    calls: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """Everything that lives as long as the process.

    Attributes:
        settings: The present settings; a reload replaces them.
        log: Writes a line of the access log.
        config: The config file.
        contract: The line to imitate.
        accounts: The credentials of the auth folder.
        password: `MANAGEMENT_PASSWORD` at the start.
        safe_mode: Whether the newer line was started with an example key.
        callback_ports: Callback ports by provider or `all`, as set by a flag.
        management_enabled: Whether there was a management key once: the routes exist from then on.
        usage: Counted requests.
        vendor: The simulated vendor.
        error_logs: Names of failed requests' logs.
        now: The monotonic clock.
    """

    settings: Settings
    log: Callable[[str], None]
    config: Path
    contract: Contract
    accounts: Accounts
    password: str = ""
    safe_mode: bool = False
    callback_ports: Mapping[str, int] = field(default_factory=dict)
    management_enabled: bool = False
    usage: Usage = field(default_factory=Usage)
    vendor: Vendor = field(default_factory=Vendor)
    error_logs: ErrorLogs = field(default_factory=ErrorLogs)
    now: Callable[[], float] = time.monotonic

    @property
    def has_management_key(self) -> bool:
        """Whether a management key is set."""
        return bool(self.password or self.settings.secret_key)

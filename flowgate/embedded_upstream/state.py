"""What the parts of the embedded upstream share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowgate.embedded_upstream.accounts import Accounts
from flowgate.embedded_upstream.settings import Settings
from flowgate.embedded_upstream.usage import Usage
from flowgate.embedded_upstream.versions import CONTRACTS, Contract

if TYPE_CHECKING:
    from flowgate.embedded_upstream.faults import Vendors

Log = Callable[[str], None]


@dataclass(slots=True)
class Vendor:
    """The vendor that the embedded upstream itself plays behind accounts. status: what it answers; calls: how often."""

    status: int = 200
    calls: int = 0


@dataclass(slots=True)
class State:
    """Everything that lives as long as the process; `settings` is replaced at a reload.

    Attributes:
        config: The config file.
        password: MANAGEMENT_PASSWORD, as it was at the start.
        unsafe: The newer line's safe mode: it was started with an example key.
        callback_ports: The vendors' callback ports, where flags say others.
        vendors: The vendors that fail when told to, where it plays those instead of a program with accounts.
        had_routes: Management was on once, so that its routes exist.
    """

    settings: Settings
    log: Log
    config: Path
    contract: Contract = CONTRACTS["6.8"]
    password: str = ""
    lies: frozenset[str] = frozenset()
    unsafe: bool = False
    callback_ports: Mapping[str, int] = field(default_factory=dict)
    had_routes: bool = False
    accounts: Accounts = field(init=False)
    usage: Usage = field(default_factory=Usage)
    vendor: Vendor = field(default_factory=Vendor)
    vendors: Vendors | None = None
    error_logs: list[dict[str, Any]] = field(default_factory=list)
    now: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.accounts = Accounts(Path(self.settings.auth_dir), self.contract, self.log)

    def managed(self) -> bool:
        """Say whether there is a management key."""
        return bool(self.password or self.settings.secret_key)

    def listed(self) -> Iterator[tuple[str, str, int]]:
        """List what can be asked for: (model, owner, made at), each model once."""
        seen: set[str] = set()
        at = self.now()
        for name in self.settings.models:
            seen.add(name)
            yield name, "embedded", 1_700_000_000
        for account in self.accounts.by_name.values():
            for model in self.accounts.models(account):
                if model["id"] not in seen and not account.benches.unlisted(model["id"], at):
                    seen.add(model["id"])
                    yield model["id"], model["owned_by"], model["created"]

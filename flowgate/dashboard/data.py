"""What the pages show, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A service, in words; empty texts are not known."""

    name: str
    state: str
    running: bool
    address: str
    uptime: str
    memory: str
    restarts: int
    failure: str
    generations: Sequence[str]


@dataclass(frozen=True, slots=True)
class CooldownLine:
    """A cooldown, in words."""

    by: str
    models: str
    deployment: str
    why: str
    left: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of the gateway.

    Attributes:
        config: Which config is in use, in words.
        profile: Name of the profile.
        how: How it is known: serving, state or default.
        since: Its last activation; empty: not known.
        promises: What it promises, one sentence each.
        rehearsed: Whether it was rehearsed, and the result.
        services: The services.
        cooldowns: The cooldowns.
        notes: What is not known, and why; warnings.
    """

    config: str
    profile: str
    how: str
    since: str
    promises: Sequence[str]
    rehearsed: str
    services: Sequence[ServiceLine]
    cooldowns: Sequence[CooldownLine]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account; never a token."""

    provider: str
    account: str
    state: str
    expires: str
    file: str
    note: str


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts, and why something about them is not known."""

    rows: Sequence[AccountLine]
    note: str


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event of the event log."""

    at: str
    event: str
    result: str
    service: str
    profile: str
    detail: str


class Sources(Protocol):
    """Where the pages get their data. All methods look and change nothing; they may raise `FlowGateError`."""

    @property
    def ledger(self) -> Path:
        """The ledger; it may be missing."""

    def overview(self) -> Overview:
        """Return the state of the gateway."""

    def accounts(self) -> Accounts:
        """Return the accounts."""

    def events(self, most: int) -> Sequence[EventLine]:
        """Return the last events, newest first."""

    def mask(self, text: str) -> str:
        """Return a text without known secrets."""

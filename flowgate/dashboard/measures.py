"""The state of the gateway in numbers, as `/metrics` shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Worker:
    """A process of a generation; None is not known."""

    generation: int
    index: int
    memory: int | None
    in_progress: int | None


@dataclass(frozen=True, slots=True)
class Service:
    """A service; `generation` is the one that serves, else the newest, and `uptime` is its age in seconds."""

    name: str
    up: bool
    generation: int | None
    uptime: float | None
    restarts: int
    workers: Sequence[Worker] = ()


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A cooldown; `deployment` names no account, `seconds_left` is None where the end is not reported."""

    by: str
    models: str
    deployment: str
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit of a budget: `kind` is daily_usd, monthly_usd or requests_per_day."""

    name: str
    client: str
    kind: str
    used: float
    amount: float
    exhausted: bool


@dataclass(frozen=True, slots=True)
class Measures:
    """The state of the gateway.

    Attributes:
        profile: The profile in force; empty if it is not known.
        services: The services.
        cooldowns: The cooldowns.
        budgets: The budgets.
        known: For each part whether its figures could be had: services, cooldowns, budgets.
    """

    profile: str = ""
    services: Sequence[Service] = ()
    cooldowns: Sequence[Cooldown] = ()
    budgets: Sequence[Budget] = ()
    known: Mapping[str, bool] = field(default_factory=dict)

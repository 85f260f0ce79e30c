"""What the pages show, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from flowgate.dashboard.measures import Measures


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
    """A cooldown, in words; `name` is the model by which it can be ended, empty if it has none."""

    by: str
    models: str
    deployment: str
    why: str
    left: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A limit of a budget, in words; `percent` of it is spent."""

    name: str
    limit: str
    spent: str
    amount: str
    percent: float
    until: str
    then: str
    state: str


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """A promise and the last verdicts on it, with their times; empty: there is none."""

    name: str
    promised: str
    rehearsal: str
    rehearsed_at: str
    audit: str
    audited_at: str


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
        profiles: The other profiles.
        budgets: The limits of the budgets.
        verdicts: The last verdicts on the promises of the profile.
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
    profiles: Sequence[str] = ()
    budgets: Sequence[BudgetLine] = ()
    verdicts: Sequence[PromiseLine] = ()


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A report of a rehearsal or an audit that is kept."""

    name: str
    kind: str
    at: str
    title: str
    broken: int
    counts: str


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table of a report."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Report:
    """A report: its line in the list, its tables, and what has to be known to read them."""

    line: ReportLine
    tables: Sequence[ReportTable]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an act would do.

    Attributes:
        title: The act.
        lines: What happens, in words.
        gone: Promises that end.
        come: Promises that begin.
        diff: Lines of a unified diff of the settings.
        words: The words of the command.
    """

    title: str
    lines: Sequence[str]
    gone: Sequence[str] = ()
    come: Sequence[str] = ()
    diff: Sequence[str] = ()
    words: Sequence[str] = field(default_factory=list)


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
    """The accounts, why something about them is not known, and a sentence on each of their limits that is known."""

    rows: Sequence[AccountLine]
    note: str
    limits: Sequence[str] = ()


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
    """Where the pages get their data. They may raise `FlowGateError`; all but `run` look and change nothing."""

    @property
    def ledger(self) -> Path:
        """The ledger; it may be missing."""

    def measures(self) -> Measures:
        """Return the state of the gateway in numbers; never raises an error of ours."""

    def overview(self) -> Overview:
        """Return the state of the gateway."""

    def accounts(self) -> Accounts:
        """Return the accounts."""

    def events(self, most: int) -> Sequence[EventLine]:
        """Return the last events, newest first."""

    def reports(self) -> Sequence[ReportLine]:
        """Return the reports of rehearsals and audits that are kept, newest first."""

    def report(self, name: str) -> Report | None:
        """Return one of them; None if there is none of this name."""

    def preview(self, act: str, value: str) -> Preview:
        """Return what an act would do; an unknown act or value is a `UsageError`."""

    def run(self, shown: Preview, on_line: Callable[[str], None]) -> int:
        """Carry out an act; return its exit code."""

    def mask(self, text: str) -> str:
        """Return a text without known secrets."""

"""What `top` shows: the data of `status`, `usage`, `budgets`, `cooldowns` and `events` at one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flowgate.cli import budgets, cooldowns, event_log, ledger_state
from flowgate.cli.budgets import LimitReport
from flowgate.cli.cooldowns import Cooldowns
from flowgate.cli.service_reports import ServiceReport, service_reports
from flowgate.cli.session import Session
from flowgate.cli.status import ActiveProfile, active_profile
from flowgate.cli.usage import ledger_path
from flowgate.dashboard import figures
from flowgate.dashboard.figures import Figures
from flowgate.errors import FlowGateError
from flowgate.ledger import database, rates
from flowgate.ledger.rates import Rate
from flowgate.system.clock import Clock

MOST_EVENTS = 20
SPARE_LINES = 50
COOLDOWN_SECONDS = 5.0  # between two questions about cooldowns: the other program is asked over HTTP


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The gateway at one moment.

    Attributes:
        at: The moment.
        config: Which config is in use, in words.
        profile: The active profile; None if it is not known.
        since: Its activation; empty if it is not known.
        services: The services; empty if they are not known.
        cooldowns: The cooldowns.
        rate: The last requests; None if there is no ledger that can be read.
        today: The figures of this day in UTC; None as `rate`.
        limits: The limits of the budgets.
        events: The last events, the newest first.
        problems: What is wrong or not known, and what to do.
    """

    at: datetime
    config: str
    profile: ActiveProfile | None = None
    since: str = ""
    services: Mapping[str, ServiceReport] = field(default_factory=dict)
    cooldowns: Cooldowns = field(default_factory=Cooldowns)
    rate: Rate | None = None
    today: Figures | None = None
    limits: Sequence[LimitReport] = ()
    events: Sequence[Mapping[str, str]] = ()
    problems: Sequence[str] = ()


class Observer:
    """Collects one snapshot after another. It reads only: no model is asked, nothing is started.

    Args:
        open_session: Reads the config, and connects to the supervisor that runs now.
        clock: The time.
    """

    def __init__(self, open_session: Callable[[], Session], clock: Clock) -> None:
        self._open, self._clock = open_session, clock
        self._cooldowns, self._asked = Cooldowns(), -COOLDOWN_SECONDS
        self._serving: tuple[int | None, ...] = ()

    def look(self) -> Snapshot:
        """Return the gateway of now; what cannot be read is one of the problems.

        Raises:
            FlowGateError: The config is wrong now.
        """
        session = self._open()
        try:
            return self._look(session)
        finally:
            session.supervisor.close()

    def _look(self, session: Session) -> Snapshot:
        now, problems = self._clock.wall(), list[str]()
        profile, since, services = None, "", dict[str, ServiceReport]()
        try:
            found = session.supervisor.status()
            services = service_reports(session, found)
            profile, since = active_profile(session, services)
            problems += _ledger_problems(ledger_state.ledger_state(session, found))
        except FlowGateError as error:
            problems.append(in_one_line(error))
        rate, today = self._requests(session, now.timestamp(), problems)
        return Snapshot(
            at=now,
            config=session.describe(),
            profile=profile,
            since=since,
            services=services,
            cooldowns=self._known_cooldowns(session, services, problems),
            rate=rate,
            today=today,
            limits=_limits(session, problems),
            events=event_log.last_events(
                session.config.paths.runtime_dir / "events.log", MOST_EVENTS, spare=SPARE_LINES
            ),
            problems=tuple(dict.fromkeys(problems)),
        )

    def _requests(self, session: Session, now: float, problems: list[str]) -> tuple[Rate | None, Figures | None]:
        path = ledger_path(session)
        if not session.config.ledger.enabled:
            problems.append("the ledger is off (ledger.enabled): requests are not recorded")
        try:
            connection = database.open_to_read(path)
            if connection is None:
                return None, None
            with database.translate_errors(path):
                return _figures(connection, now)
        except FlowGateError as error:
            problems.append(in_one_line(error))
            return None, None

    def _known_cooldowns(
        self, session: Session, services: Mapping[str, ServiceReport], problems: list[str]
    ) -> Cooldowns:
        """Ask for the cooldowns if the last answer is old, or if other generations serve."""
        running = {name for name, one in services.items() if one["running"]}
        serving = tuple(services[name]["generation"] for name in sorted(running))
        if not running:
            self._cooldowns = Cooldowns()
        elif serving != self._serving or self._clock.now() - self._asked >= COOLDOWN_SECONDS:
            self._asked, self._cooldowns = self._clock.now(), cooldowns.gather(session)
        self._serving = serving
        for name, why in self._cooldowns.unavailable.items():
            if name in running:
                problems.append(f"the cooldowns of {name} are not known: {why}")
        return self._cooldowns


def in_one_line(error: FlowGateError) -> str:
    """Return an error and what to do about it, as one line.

    Args:
        error: The error.
    """
    return f"{error.what} (fix: {error.fix})" if error.fix else error.what


def _figures(connection: sqlite3.Connection, now: float) -> tuple[Rate, Figures]:
    try:
        day = figures.collect(connection, figures.today(now), "day")
        return rates.recent(connection, now), figures.total(day)
    finally:
        connection.close()


def _limits(session: Session, problems: list[str]) -> Sequence[LimitReport]:
    try:
        report = budgets.collect(session)
    except FlowGateError as error:
        problems.append(f"budgets cannot be checked: {in_one_line(error)}")
        return ()
    problems += [line for line in budgets.remarks(report) if line.startswith("a budget")]
    return report["limits"]


def _ledger_problems(ledger: ledger_state.LedgerReport) -> list[str]:
    found = [f"requests are not recorded now: {ledger['problem']}"] if ledger["problem"] else []
    return found + ([f"{ledger['dropped']} requests could not be recorded"] if ledger["dropped"] else [])

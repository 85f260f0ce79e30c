"""What the dashboard shows of the running gateway: the data of `status`, `cooldowns`, `auth status` and `events`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from flowgate.cli import (
    accounts,
    console,
    cooldowns,
    dashboard_acts,
    dashboard_measures,
    dashboard_policy,
    dashboard_reports,
    event_log,
    known_limits,
    status,
)
from flowgate.cli.columns import duration
from flowgate.cli.dashboard_policy import PolicyReader
from flowgate.cli.generation_reports import describe_generation
from flowgate.cli.session import Session, open_session
from flowgate.cli.stored_reports import Shelf
from flowgate.cli.usage import ledger_path
from flowgate.dashboard.control import NAME
from flowgate.dashboard.data import (
    AccountLine,
    Accounts,
    CooldownLine,
    EventLine,
    Overview,
    Preview,
    Report,
    ReportLine,
    ServiceLine,
)
from flowgate.dashboard.measures import Measures
from flowgate.errors import FlowGateError
from flowgate.system.clock import Clock
from flowgate.system.watched_command import run_watched

if TYPE_CHECKING:
    from pathlib import Path

    from flowgate.cli.service_reports import ServiceReport

SPARE_LINES = 200  # that are read beyond the wanted ones, in case some are no events


class SessionSources:
    """The data of one config. The config is read again for each page, since it may have been edited.

    Args:
        config: Path after `--config`; empty to search for the config.
        session: The session of the command.
    """

    def __init__(
        self,
        config: str,
        session: Session,
        reopen: Callable[[str], Session] = lambda path: open_session(path, quiet=True),
    ) -> None:
        self._config, self._session, self._reopen = config, session, reopen
        self._policies = PolicyReader(Clock())
        self._shelf = Shelf(session.config.paths.runtime_dir)

    @property
    def ledger(self) -> Path:
        """The ledger."""
        return ledger_path(self._session)

    def reports(self) -> list[ReportLine]:
        """Return the reports of rehearsals and audits that are kept, newest first."""
        return dashboard_reports.report_lines(self._shelf)

    def report(self, name: str) -> Report | None:
        """Return one of them; None if there is none of this name."""
        return dashboard_reports.read_report(self._shelf, name)

    def preview(self, act: str, value: str) -> Preview:
        """Return what an act would do.

        Raises:
            UsageError: There is no such act, or it cannot be done.
        """
        session = self._current()
        cooled = [name for row in cooldowns.gather(session).rows for name in row["models"]] if act == "clear" else []
        return dashboard_acts.preview(session, act, value, cooled, dashboard_policy.preview)

    def run(self, shown: Preview, on_line: Callable[[str], None]) -> int:
        """Carry out an act as a command of its own."""
        session = self._session
        try:
            return run_watched(dashboard_acts.command(session, shown), cwd=session.config.root, on_line=on_line)
        finally:
            self._policies.forget()

    def mask(self, text: str) -> str:
        """Return a text without the secrets that this command knows."""
        return console.masked(text)

    def overview(self) -> Overview:
        """Return the state of the gateway.

        Raises:
            FlowGateError: The config is wrong now, or the supervisor does not answer.
        """
        session = self._current()
        report, found = status.collect_status(session), cooldowns.gather(session)
        facts = self._policies.facts(session, report["profile"]["name"])
        budgets, remarks = dashboard_reports.budget_lines(session)
        running = any(one["running"] for name, one in report["services"].items() if name != NAME)
        unknown = [
            f"The cooldowns of {name} are not known: {why}" for name, why in found.unavailable.items() if running
        ]
        return Overview(
            config=session.describe(),
            profile=report["profile"]["name"],
            how=report["profile"]["by"],
            since=report["since"],
            promises=facts.promises,
            rehearsed=facts.rehearsed,
            services=[_service(name, one) for name, one in report["services"].items()],
            cooldowns=[
                CooldownLine(
                    by=row["by"],
                    models=", ".join(row["models"]) or "-",
                    deployment=row["deployment"],
                    why=row["why"],
                    left=_end(row["until"]),
                    name=next(iter(row["models"]), ""),
                )
                for row in found.rows
            ],
            notes=list(
                dict.fromkeys([*facts.notes, *unknown, *report["lost"], *report["budgets"], *remarks, *_notes(report)])
            ),
            budgets=budgets,
            verdicts=dashboard_reports.promise_lines(self._shelf, report["profile"]["name"]),
            profiles=[name for name in session.config.profiles if name != report["profile"]["name"]],
        )

    def measures(self) -> Measures:
        """Return the state of the gateway in numbers."""
        try:
            return dashboard_measures.collect(self._current())
        except FlowGateError:  # the config is wrong now
            return Measures(known=dict.fromkeys(("services", "cooldowns", "budgets"), False))

    def accounts(self) -> Accounts:
        """Return the accounts; never a token.

        Raises:
            FlowGateError: The config has no program for accounts, or is wrong now.
        """
        session = self._current()
        found = accounts.collect(session)
        rows = [
            AccountLine(one["provider"], one["account"], one["state"], one["expires"], one["file"], _remark(one))
            for one in found.rows
        ]
        return Accounts(rows, found.why, known_limits.in_force(session))

    def events(self, most: int) -> list[EventLine]:
        """Return the last events, newest first."""
        path = self._session.config.paths.runtime_dir / "events.log"
        return [_event(one) for one in event_log.last_events(path, most, SPARE_LINES)]

    def _current(self) -> Session:
        session = self._reopen(self._config)
        if session.config.paths.runtime_dir != self._session.config.paths.runtime_dir:
            return session
        self._session.supervisor.forget_silence()
        return replace(session, kept=self._session.supervisor)


def _service(name: str, one: ServiceReport) -> ServiceLine:
    return ServiceLine(
        name=name,
        state=one["state"],
        running=one["running"],
        address=f"{one['host']}:{one['port']}{' (embedded upstream, not a provider)' if one['embedded'] else ''}",
        uptime=duration(one["uptime_seconds"]),
        memory=f"{one['memory_bytes'] / 1e6:.0f} MB" if one["memory_bytes"] else "-",
        restarts=one["restarts"],
        failure=one["failure"],
        generations=[describe_generation(name, each, with_age=False) for each in one["generations"]],
    )


def _notes(report: status.StatusReport) -> list[str]:
    ledger = report["ledger"]
    notes = [] if ledger["enabled"] else ["The ledger is switched off: requests are not recorded"]
    notes += [f"The ledger: {ledger['problem']}"] if ledger["problem"] else []
    notes += [f"{ledger['dropped']} requests could not be recorded"] if ledger["dropped"] else []
    return notes + _outside(report)


def _outside(report: status.StatusReport) -> list[str]:
    """Return what is wrong with what runs elsewhere: CLIProxyAPIPlus, and the Redis server."""
    remote, redis = report["remote"], report["redis"]
    notes = [f"CLIProxyAPIPlus at {remote['url']}: {remote['error']}"] if remote and not remote["ready"] else []
    return notes + ([redis["problem"]] if redis and redis["problem"] else [])


def _end(until: str) -> str:
    return until.partition(".")[0].replace("T", " ") if until else "not reported"


def _remark(one: accounts.AccountRow) -> str:
    exposed = "" if one["private"] else f"other users can read it ({one['mode']})"
    return "; ".join(filter(None, (one["message"], exposed)))


def _event(found: dict[str, str]) -> EventLine:
    at = found.get("timestamp", "").partition(".")[0].replace("T", " ")
    event, result, service, profile = (found.get(name, "") for name in ("event", "result", "service", "profile"))
    detail = " ".join(filter(None, (found.get("provider", ""), found.get("detail", ""))))
    return EventLine(at, event, result, service, profile, detail)

"""The command `quota`: what is left of the limits of each account, and when they end. It asks no vendor."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import console
from flowgate.cli.account_usage import SourceReport, remark, source_report
from flowgate.cli.budgets import read_percent
from flowgate.cli.known_limits import known_limits, newest
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.session import Session
from flowgate.errors import FlowGateError
from flowgate.gateway import southbound
from flowgate.ledger.account_entries import LIMIT, QuotaReading
from flowgate.system.clock import Clock, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowgate.accounts.management_api import AuthFile

PERCENT = 100


class QuotaRow(TypedDict):
    """One limit of an account; docs/json.md describes the keys."""

    account: str
    provider: str
    model: str
    limit: str
    used_percent: float | None
    left_percent: float | None
    resets_at: str
    observed_at: str
    cooldown_until: str


class QuotaReport(TypedDict):
    """What `quota --json` prints; docs/json.md describes the keys."""

    quotas: list[QuotaRow]
    accounts_unknown: str
    usage_source: SourceReport


def show(config: str, warn_at: str, as_json: bool) -> int:
    """Print the limits; return 1 if an account has reached a percentage of one.

    Args:
        config: Path after `--config`; empty to search for the config.
        warn_at: The percentage; empty for none.
        as_json: Print one JSON document.

    Raises:
        UsageError: That is no percentage, or the gateway has no accounts.
        EnvironmentFailure: The ledger cannot be read.
    """
    at = read_percent(warn_at, "quota")
    session = open_to_read(config)
    southbound.require(session.config, "quota is about the accounts of CLIProxyAPIPlus")
    report = collect(session)
    reached = at is not None and any((one["used_percent"] or 0) >= at for one in report["quotas"])
    if as_json:
        console.document(report)
        return int(reached)
    console.note(session.describe())
    if report["accounts_unknown"]:
        console.note(f"note: only what the ledger knows is shown: {report['accounts_unknown']}")
    if report["quotas"]:
        head = ["provider", "account", "model", "limit", "used", "left", "resets at", "seen at", "cooldown until"]
        console.table([head, *(_cells(one) for one in report["quotas"])])
    else:
        console.note("there are no accounts, and no limit of one is known")
    console.note(remark(report["usage_source"]))
    return int(reached)


def collect(session: Session) -> QuotaReport:
    """Collect what is known about the limits of accounts, from the ledger and from the list of accounts.

    Args:
        session: Config and supervisor.

    Raises:
        EnvironmentFailure: The ledger cannot be read.
    """
    now, files, unknown = Clock().wall().timestamp(), list["AuthFile"](), ""
    try:
        files = _account_files(session)
    except FlowGateError as error:
        unknown = error.what
    found = newest([*known_limits(session), *(reading for one in files for reading in one.quotas)])
    rows = [_row(one, files, now) for one in found if one.window != LIMIT or not one.is_over(now)]
    named = {(one.provider, one.account) for one in found}
    rows += [_unknown(one, now) for one in files if (one.provider, one.account) not in named]
    source = source_report(session, session.supervisor.status())
    return {"quotas": rows, "accounts_unknown": unknown, "usage_source": source}


def _account_files(session: Session) -> list[AuthFile]:
    from flowgate.accounts.login_driver import started_version
    from flowgate.accounts.management_api import inspect_server
    from flowgate.cli.checks import runtime
    from flowgate.cli.cooldowns import management_driver

    driver = management_driver(session)
    server = driver.run(inspect_server(started_version(runtime.read_only_context(session, []))))
    return [one for one in server.files.values() if not one.disabled]


def _row(one: QuotaReading, files: Iterable[AuthFile], now: float) -> QuotaRow:
    known = next((file for file in files if (file.provider, file.account) == (one.provider, one.account)), None)
    left = one.left(now)
    return {
        "account": one.account,
        "provider": one.provider,
        "model": one.model,
        "limit": one.window,
        "used_percent": round(PERCENT - left if one.is_over(now) else one.used, 1),
        "left_percent": round(left, 1),
        "resets_at": _stamp(one.resets_at),
        "observed_at": _stamp(one.observed_at),
        "cooldown_until": _cooldown(known, now),
    }


def _unknown(file: AuthFile, now: float) -> QuotaRow:
    """Return the row of an account of whose limits nothing is known."""
    return {
        "account": file.account,
        "provider": file.provider,
        "model": "",
        "limit": "",
        "used_percent": None,
        "left_percent": None,
        "resets_at": "",
        "observed_at": "",
        "cooldown_until": _cooldown(file, now),
    }


def _cooldown(file: AuthFile | None, now: float) -> str:
    until = file.next_retry_after.timestamp() if file and file.unavailable and file.next_retry_after else 0.0
    return _stamp(until) if until > now else ""


def _stamp(seconds: float | None) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC)) if seconds is not None else ""


def _cells(one: QuotaRow) -> list[str]:
    def percent(value: float | None) -> str:
        return "not known" if value is None else f"{value:.0f} %"

    names = [one["provider"], one["account"], one["model"] or "-", one["limit"] or "-"]
    times = [one[key] or "-" for key in ("resets_at", "observed_at", "cooldown_until")]
    return [*names, percent(one["used_percent"]), percent(one["left_percent"]), *times]

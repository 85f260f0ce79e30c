"""Limits of accounts that the ledger knows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flowgate.domain.ledger import FILE_NAME
from flowgate.domain.usage_source import WARN_AT
from flowgate.errors import FlowGateError
from flowgate.gateway import cliproxy
from flowgate.system.clock import Clock, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowgate.cli.session import Session
    from flowgate.ledger.account_entries import QuotaReading


def known_limits(session: Session) -> list[QuotaReading]:
    """Return what responses said about the limits of accounts.

    Args:
        session: Config and supervisor.

    Raises:
        EnvironmentFailure: The ledger cannot be read.
    """
    from flowgate.ledger import accounts, database

    path = session.config.paths.runtime_dir / FILE_NAME
    connection = database.open_to_read(path)
    if connection is None:
        return []
    with database.translate_errors(path):
        try:
            return accounts.quotas(connection)
        finally:
            connection.close()


def limits_or_none(session: Session) -> list[QuotaReading]:
    """Return the limits; none if the ledger cannot be read, which is said elsewhere.

    Args:
        session: Config and supervisor.
    """
    try:
        return known_limits(session)
    except FlowGateError:
        return []


def near(session: Session) -> list[str]:
    """Describe the limits that come near or are reached, one sentence each; none if the ledger cannot be read.

    Args:
        session: Config and supervisor.
    """
    if not cliproxy.is_configured(session.config):
        return []
    now = Clock().wall().timestamp()
    return [describe(one) for one in limits_or_none(session) if one.used >= WARN_AT and not one.is_over(now)]


def newest(readings: Iterable[QuotaReading]) -> list[QuotaReading]:
    """Return the newest reading of each limit, in the order of provider, account, model and limit.

    Args:
        readings: The readings.
    """
    found: dict[tuple[str, str, str, str], QuotaReading] = {}
    for one in sorted(readings, key=lambda one: one.observed_at):
        found[one.provider, one.account, one.model, one.window] = one
    return [found[key] for key in sorted(found)]


def in_force(session: Session) -> list[str]:
    """Describe every limit that has not ended yet, one sentence each; none if the ledger cannot be read.

    Args:
        session: Config and supervisor.
    """
    now = Clock().wall().timestamp()
    return [describe(one) for one in newest(limits_or_none(session)) if not one.is_over(now)]


def describe(one: QuotaReading) -> str:
    """Describe how much of a limit is used, in one sentence.

    Args:
        one: What is known about it.
    """
    from flowgate.ledger.account_entries import LIMIT

    who = f"{one.provider} {one.account}".strip()
    end = f", until {stamp(datetime.fromtimestamp(one.resets_at, UTC))}" if one.resets_at is not None else ""
    if one.window == LIMIT:
        return f"{who}: the vendor refuses requests to {one.model or 'this account'} because of a limit{end}"
    return f"{who}: {one.used:.0f} % of the {one.window} limit is used{end}"

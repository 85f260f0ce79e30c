"""What `/metrics` of the dashboard shows of the running gateway: the numbers of `status`, `cooldowns` and `budgets`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowgate.cli import budgets, cooldowns, status
from flowgate.dashboard.control import NAME
from flowgate.dashboard.measures import Budget, Cooldown, Measures, Service, Worker
from flowgate.errors import FlowGateError
from flowgate.gateway import cliproxy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowgate.cli.service_reports import ServiceReport
    from flowgate.cli.session import Session


def collect(session: Session) -> Measures:
    """Collect the numbers; what cannot be had is left out, and `known` says so.

    Args:
        session: Config and supervisor.
    """
    try:
        report = status.collect_status(session)
    except FlowGateError:
        return Measures(known={"services": False, "cooldowns": False, "budgets": False})
    found = cooldowns.gather(session)
    running = any(one["running"] for name, one in report["services"].items() if name != NAME)
    limits, limits_known = _budgets(session)
    return Measures(
        profile=report["profile"]["name"],
        services=[_service(name, one) for name, one in report["services"].items()],
        cooldowns=[_cooldown(row) for row in found.rows],
        budgets=limits,
        known={"services": True, "cooldowns": not (running and found.unavailable), "budgets": limits_known},
    )


def _budgets(session: Session) -> tuple[Sequence[Budget], bool]:
    try:
        limits = budgets.collect(session)["limits"]
    except FlowGateError:
        return [], False
    over = ("exhausted", "overruled")
    found = [
        Budget(one["budget"], one["client"], one["limit"], one["spent"], one["amount"], one["state"] in over)
        for one in limits
    ]
    return found, True


def _service(name: str, one: ServiceReport) -> Service:
    workers = [
        Worker(each["number"], worker["index"], worker["memory_bytes"], worker["under_way"])
        for each in one["generations"]
        for worker in each["workers"]
    ]
    return Service(name, one["running"], one["generation"], one["uptime_seconds"], one["restarts"], workers)


def _cooldown(row: cooldowns.Row) -> Cooldown:
    """Return a cooldown; of an account only the provider, since its name may be an address of a person."""
    deployment = row["deployment"].partition(" ")[0] if row["by"] == cliproxy.NAME else row["deployment"]
    return Cooldown(row["by"], ", ".join(row["models"]), deployment, row["seconds_left"])

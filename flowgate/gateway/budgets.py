"""The budgets of a gateway: what its supervisor and its workers are told of them, and clients that do not exist."""

from __future__ import annotations

import json
from collections.abc import Collection

from flowgate.domain import Config, client_keys
from flowgate.domain.budgets import STATE_FILE, Budget, BudgetPlan
from flowgate.domain.ledger import FILE_NAME
from flowgate.errors import FlowGateError, UnknownName
from flowgate.gateway import litellm_runner
from flowgate.system import files


def plan(config: Config) -> BudgetPlan | None:
    """Return what the supervisor needs to know; None if nothing is limited.

    Args:
        config: The config.
    """
    if not config.budgets or not config.ledger.enabled or not litellm_runner.uses_runner(config):
        return None
    runtime = config.paths.runtime_dir
    return BudgetPlan(runtime / STATE_FILE, runtime / FILE_NAME, config.file, config.budgets)


def digest(config: Config) -> list[str]:
    """Return what makes a program with other budgets another program.

    Args:
        config: The config.
    """
    return [json.dumps(config.budgets)] if config.budgets else []


def faults(config: Config) -> list[FlowGateError]:
    """List the budgets of clients that do not exist.

    Args:
        config: The config.
    """
    named = [one for one in config.budgets if one.client]
    if not named:
        return []
    try:
        text = files.read_text_or_none(config.paths.runtime_dir.parent / "secrets" / client_keys.FILE)
        known = client_keys.parse(text) if text else {}
    except (FlowGateError, client_keys.DamagedKeys):
        return []  # `doctor` reports the file
    return [_unknown(config, one, known) for one in named if one.client not in known]


def _unknown(config: Config, budget: Budget, known: Collection[str]) -> UnknownName:
    fault = UnknownName("client", budget.client, known=known, at=config.place(f"budgets.{budget.name}.client"))
    if "did you mean" not in fault.fix:
        fault.fix = f"inv client.add {budget.client} makes one, or correct the name"
    return fault

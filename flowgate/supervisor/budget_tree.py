"""Convert budgets to JSON data and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from flowgate.domain.budgets import BudgetPlan


class BudgetTree(TypedDict):
    """`BudgetPlan` as JSON; `budgets` has the fields of `Budget`, in their order."""

    state: str
    ledger: str
    config: str
    budgets: list[list[str | float | bool | None]]


def to_budget_tree(plan: BudgetPlan) -> BudgetTree:
    """Convert budgets to JSON data."""
    budgets = [list(one) for one in plan.budgets]
    return {"state": str(plan.state), "ledger": str(plan.ledger), "config": str(plan.config), "budgets": budgets}


def budgets_from_tree(tree: BudgetTree | None) -> BudgetPlan | None:
    """Convert JSON data to budgets.

    Args:
        tree: The JSON data; None if nothing is limited, or the program is one of an earlier FlowGate.
    """
    from flowgate.domain.budgets import Budget, BudgetPlan

    if not tree:
        return None
    budgets = tuple(Budget(*one) for one in tree["budgets"])  # type: ignore[arg-type]
    return BudgetPlan(Path(tree["state"]), Path(tree["ledger"]), Path(tree["config"]), budgets)

"""Convert the place of a ledger to JSON data and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from flowgate.domain.ledger import LedgerFile


class LedgerTree(TypedDict):
    """`LedgerFile` as JSON."""

    path: str
    keep_days: int
    max_mb: int
    promises: str


def to_ledger_tree(ledger: LedgerFile) -> LedgerTree:
    """Convert the place of a ledger to JSON data."""
    return {
        "path": str(ledger.path),
        "keep_days": ledger.keep_days,
        "max_mb": ledger.max_mb,
        "promises": ledger.promises,
    }


def ledger_from_tree(tree: LedgerTree | None) -> LedgerFile | None:
    """Convert JSON data to the place of a ledger.

    Args:
        tree: The JSON data; None if the program records nothing, or is one of an earlier FlowGate.
    """
    from flowgate.domain.ledger import LedgerFile

    if not tree:
        return None
    return LedgerFile(Path(tree["path"]), tree["keep_days"], tree["max_mb"], tree.get("promises", ""))

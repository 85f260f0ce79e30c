"""Convert the source of a service's records to JSON data and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from flowgate.supervisor.ledger_tree import LedgerTree, ledger_from_tree, to_ledger_tree

if TYPE_CHECKING:
    from flowgate.domain.usage_source import UsageSource


class UsageSourceTree(TypedDict):
    """`UsageSource` as JSON."""

    path: str
    key_variable: str
    key_file: str
    parse: str
    ledger: LedgerTree


def to_usage_source_tree(source: UsageSource) -> UsageSourceTree:
    """Convert a source to JSON data."""
    return {
        "path": source.path,
        "key_variable": source.key_variable,
        "key_file": str(source.key_file),
        "parse": source.parse,
        "ledger": to_ledger_tree(source.ledger),
    }


def usage_source_from_tree(tree: UsageSourceTree | None) -> UsageSource | None:
    """Convert JSON data to a source.

    Args:
        tree: The JSON data; None if the program has none, or is one of an earlier FlowGate.
    """
    from flowgate.domain.usage_source import UsageSource

    ledger = ledger_from_tree(tree["ledger"]) if tree else None
    if not tree or ledger is None:
        return None
    return UsageSource(tree["path"], tree["key_variable"], Path(tree["key_file"]), tree["parse"], ledger)

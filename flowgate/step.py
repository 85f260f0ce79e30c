"""The step author's one import.

A step is a function in a file of its name: `verb(reach, …) -> Result | Change`. It looks with the reach it is given and
hands back a `Result` when it is content, else a `Change` whose `do` acts with the reach *it* is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flowgate.context import StepContext
from flowgate.domain import Change, Facts, Result

__all__ = ["Change", "Facts", "Result", "StepContext", "change", "skipped", "unchanged"]


def unchanged(message: str, **facts: Any) -> Result:
    """Say that nothing has to be done.

    said: one short sentence for people

    Args:
        facts: What `register` gets.
    """
    return Result("unchanged", message, facts)


def skipped(message: str, **facts: Any) -> Result:
    """Say that this does not apply here."""
    return Result("skipped", message, facts)


def change(
    summary: str,
    apply: Callable[[StepContext], Facts],
    *,
    facts: Facts | None = None,
    changes: bool = True,
    diff: Sequence[tuple[str, str, str]] = (),
    unpredicted: str = "",
) -> Change:
    """Say what would be done.

    would: one short sentence in the imperative

    Args:
        do: Does it and gives the facts; called with a reach that may act.
        facts: The facts as far as they can be foretold, for check mode.
        changes: False when the work only asks.
        diff: (path, old text, new text) of files it would change.
        unpredicted: Why neither facts nor diff can tell what it would do; check mode says so.
    """
    return Change(summary, apply, facts or {}, changes, tuple(diff), unpredicted)

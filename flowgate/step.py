"""The step author's one import.

A step is a function in a file of its name: `verb(reach, …) -> Result | Todo`. It looks with the reach it is given and
hands back a `Result` when it is content, else a `Todo` whose `do` acts with the reach *it* is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flowgate.context import Reach
from flowgate.domain import Facts, Result, Todo

__all__ = ["Facts", "Reach", "Result", "Todo", "same", "skipped", "todo"]


def same(said: str, **facts: Any) -> Result:
    """Say that nothing has to be done.

    said: one short sentence for people
    facts: what `register` gets
    """
    return Result("same", said, facts)


def skipped(said: str, **facts: Any) -> Result:
    """Say that this does not apply here."""
    return Result("skipped", said, facts)


def todo(
    would: str,
    do: Callable[[Reach], Facts],
    *,
    facts: Facts | None = None,
    changes: bool = True,
    diff: Sequence[tuple[str, str, str]] = (),
    unforetold: str = "",
) -> Todo:
    """Say what would be done.

    would: one short sentence in the imperative
    do: does it and gives the facts; called with a reach that may act
    facts: the facts as far as they can be foretold, for check mode
    changes: false when the work only asks
    diff: (path, old text, new text) of files it would change
    unforetold: why neither facts nor diff can tell what it would do; check mode says so
    """
    return Todo(would, do, facts or {}, changes, tuple(diff), unforetold)

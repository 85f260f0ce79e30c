"""The public API for authors of steps.

A step is a function in a file of the same name: `verb(context: StepContext, …) -> Result | Change`. It first looks,
with a read-only context. It returns a `Result` when nothing has to be done, else a `Change`. The engine calls
`Change.apply` with a context that may act, except in check mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flowgate.context import StepContext
from flowgate.domain import Change, Facts, Result

__all__ = ["Change", "Facts", "Result", "StepContext", "change", "skipped", "unchanged"]


def unchanged(message: str, **facts: Any) -> Result:
    """Report that nothing has to be done.

    Args:
        message: One short sentence for people.
        facts: Data for `register`.

    Returns:
        A result with the status "unchanged".
    """
    return Result("unchanged", message, facts)


def skipped(message: str, **facts: Any) -> Result:
    """Report that the step does not apply here.

    Args:
        message: One short sentence for people that gives the reason.
        facts: Data for `register`.

    Returns:
        A result with the status "skipped".
    """
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
    """Describe work and how to do it.

    Args:
        summary: One short imperative sentence ("write litellm-ab12.yaml").
        apply: Does the work with a context that may act, and returns the facts. A fact named `message` replaces the
            summary in the output; a fact `changed` that is False says that there was nothing to do after all.
        facts: Predicted facts, which check mode registers.
        changes: False when the work changes nothing, for example when it only sends requests.
        diff: (path, old text, new text) of each file that the work changes.
        unpredicted: Why `facts` and `diff` cannot predict the work; check mode shows it.

    Returns:
        The change for the engine.
    """
    return Change(summary, apply, facts or {}, changes, tuple(diff), unpredicted)

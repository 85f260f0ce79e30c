"""Check of the budgets: whether they can be checked, and which are exhausted."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.cli import budgets as shown
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session
from flowgate.gateway import budgets as planned

CHECK = "budgets"


def budgets(session: Session) -> Iterator[Finding]:
    """Check whether the budgets can be checked, and report those that are exhausted."""
    if not session.config.budgets:
        yield Finding(CHECK, "pass", "the config has no budgets")
        return
    wrong = planned.faults(session.config)
    for fault in wrong:
        yield Finding(CHECK, "fail", str(fault), fault.fix)
    if planned.plan(session.config) is None:
        message = "budgets are not checked: LiteLLM is a program of its own, whose requests are not recorded"
        yield Finding(CHECK, "fail", message, "remove services.litellm.command, or the budgets")
        return
    exhausted = shown.exhausted(session)
    for line in exhausted:
        yield Finding(CHECK, "warn", line, "inv budgets")
    if not exhausted and not wrong:
        count = len(session.config.budgets)
        yield Finding(CHECK, "pass", f"{count} budget{'s are' if count > 1 else ' is'} not exhausted")

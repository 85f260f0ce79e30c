"""The steps that belong to the language itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowgate.domain import Result
from flowgate.errors import CheckFailed
from flowgate.playbook.coerce import Condition, Shown


def fail(context: object, msg: str = "failed as the playbook asks") -> Result:
    """Stop with a message.

    Args:
        msg: What to say.

    Raises:
        CheckFailed: , always.
    """
    raise CheckFailed(msg)


def debug(context: object, msg: object = "Hello world!", var: Shown | None = None) -> Result:
    """Show a value.

    Args:
        msg: A text, or any value.
        var: An expression without braces, shown with its value instead of a text.

    Returns:
        Msg (as given), or the expression's text (its value).
    """
    if var is not None:
        return Result("unchanged", f"{var.expression}: {var.value}", {var.expression: var.value})
    return Result("unchanged", str(msg), {"msg": msg})


def assert_(
    context: object, that: tuple[Condition, ...], msg: str = "", fail_msg: str = "", success_msg: str = ""
) -> Result:
    """Stop unless every condition holds.

    Args:
        that: One expression without braces, or a list of them.
        msg: What to say when one does not hold.
        fail_msg: What to say when one does not hold.
        success_msg: What to say when all hold.

    Returns:
        msg.

    Raises:
        CheckFailed: See the message.
    """
    broken = [condition.expression for condition in that if not condition.holds]
    message = fail_msg or msg
    if broken:
        raise CheckFailed(
            message or f"does not hold: {broken[0]}", fix=f"does not hold: {broken[0]}" if message else ""
        )
    message = success_msg or "all hold"
    return Result("unchanged", message, {"msg": message})


def set_fact(context: object, /, **facts: object) -> Result:
    """Set variables for the tasks that follow.

    Returns:
        The variables, as given.
    """
    return Result("unchanged", f"set {', '.join(facts)}", dict(facts))


def flush_handlers(context: object) -> Result:
    """Run the handlers that have been notified so far, now."""
    return Result("unchanged", "handlers have run")  # the engine runs them: a step knows no play


STEPS: Mapping[str, Callable[..., Any]] = {
    "fail": fail,
    "debug": debug,
    "assert": assert_,
    "set_fact": set_fact,
    "flush_handlers": flush_handlers,
}

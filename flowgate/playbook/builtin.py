"""Steps that belong to the playbook language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowgate.domain import Result, Value
from flowgate.errors import CheckFailed
from flowgate.playbook.coerce import EvaluatedCondition, EvaluatedExpression

FLUSH = "flush_handlers"


def fail(context: object, msg: str = "failed as the playbook asks") -> Result:
    """Stop with a message.

    Args:
        context: Not used.
        msg: Message of the failure.

    Raises:
        CheckFailed: Always.
    """
    raise CheckFailed(msg)


def debug(context: object, msg: Any = "Hello world!", var: EvaluatedExpression | None = None) -> Result:
    """Show a value.

    Args:
        context: Not used.
        msg: A string, or any other value.
        var: An expression without braces, shown with its value instead of `msg`.

    Returns:
        `msg` as written; with `var`, its value under the expression's text.
    """
    if var is not None:
        return Result("unchanged", f"{var.expression}: {var.value}", {var.expression: var.value})
    return Result("unchanged", str(msg), {"msg": msg})


def assert_(
    context: object, that: tuple[EvaluatedCondition, ...], msg: str = "", fail_msg: str = "", success_msg: str = ""
) -> Result:
    """Stop unless every condition holds.

    Args:
        context: Not used.
        that: An expression without braces, or a list of them.
        msg: Message when a condition does not hold.
        fail_msg: Same as `msg`; it has precedence.
        success_msg: Message when all conditions hold.

    Returns:
        The message as `msg`.

    Raises:
        CheckFailed: A condition does not hold.
    """
    broken = next((condition for condition in that if not condition.holds), None)
    if broken is not None:
        failed = f"does not hold: {broken.expression}" + (f" ({broken.values})" if broken.values else "")
        message = fail_msg or msg
        raise CheckFailed(message or failed, fix=failed if message else "")
    message = success_msg or "all conditions hold"
    return Result("unchanged", message, {"msg": message})


def set_fact(context: object, /, **facts: Value) -> Result:
    """Set variables for the following tasks.

    Args:
        context: Not used.
        facts: Names and values of the variables.

    Returns:
        The variables as written.
    """
    return Result("unchanged", f"set {', '.join(facts)}", dict(facts))


def flush_handlers(context: object) -> Result:
    """Run the handlers that were notified so far, now."""
    return Result("unchanged", "handlers have run")  # the executor runs them: a step does not know the play


STEPS: Mapping[str, Callable[..., Any]] = {
    "fail": fail,
    "debug": debug,
    "assert": assert_,
    "set_fact": set_fact,
    FLUSH: flush_handlers,
}

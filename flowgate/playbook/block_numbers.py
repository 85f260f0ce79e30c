"""The numbers on a block (`retries`, `parallel`), when they cannot be read."""

from __future__ import annotations

from collections.abc import Callable

from flowgate.domain import Task
from flowgate.errors import FlowGateError
from flowgate.playbook.check_mode import Unpredicted
from flowgate.playbook.failure import Failure, block_failure
from flowgate.playbook.inherited import Inherited
from flowgate.playbook.task_values import holds


def unreadable(block: Task, inside: Inherited, read: Callable[[], object]) -> Failure | None:
    """Find out whether a number on a block can be read.

    Args:
        block: The block.
        inside: What it passes on to its tasks.
        read: Reads the number.

    Returns:
        The failure of the block; None when the number can be read, or when the block's condition does not hold.
    """
    try:
        read()
    except Unpredicted:
        return None
    except FlowGateError as error:
        return block_failure(block, error, inside.scope) if may_run(inside) else None
    return None


def may_run(inside: Inherited) -> bool:
    """Return whether the conditions of a block hold, as far as they can be evaluated before its tasks run."""
    try:
        return holds(inside.when, inside.scope)
    except FlowGateError:
        return True

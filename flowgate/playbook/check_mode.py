"""What check mode knows ahead: facts that were foretold, and facts that only a run gives."""

from __future__ import annotations

from typing import Any

from flowgate.errors import UsageError


class Unpredicted(UsageError):
    """A check came to a value that only a run gives."""


class Predicted(dict[str, Any]):
    """What `register` keeps of a task that a check did not do: what it does not hold is unknown, not undefined."""

    def __missing__(self, key: str) -> Any:
        raise Unpredicted(f"only a run gives '{key}'")


class Unknown:
    """The value of a variable whose task a check could not foretell.

    Attributes:
        task: Its name.
    """

    def __init__(self, task: str) -> None:
        self.task = task

    def refuse(self, name: str) -> Unpredicted:
        """Give the refusal for whoever asks for it."""
        return Unpredicted(f"only a run gives '{name}'")

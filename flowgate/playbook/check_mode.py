"""Values in check mode: facts that a step predicted, and values that only a run provides."""

from __future__ import annotations

from typing import Any, Final

from flowgate.domain import Facts
from flowgate.errors import UsageError

UNKNOWN: Final = object()  # the value of a variable that check mode could not compute


class Unpredicted(UsageError):
    """Check mode needs a value that only a run provides."""

    def __init__(self, name: str) -> None:
        super().__init__(f"only a run provides '{name}'")


class Predicted(Facts):
    """What check mode registers for a task that did not act. A missing key is unknown, not undefined."""

    def __missing__(self, key: str) -> Any:
        raise Unpredicted(key)

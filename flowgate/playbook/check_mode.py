"""Values in check mode: facts that a step predicted, and values that only a run provides."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NoReturn

from flowgate.domain import Value
from flowgate.errors import UsageError


class Unpredicted(UsageError):
    """Check mode needs a value that only a run provides."""

    def __init__(self, name: str) -> None:
        super().__init__(f"only a run provides '{name}'")


class Predicted(dict[str, Value]):
    """What check mode registers for a task that did not act. A missing key is unknown, not undefined."""

    def __missing__(self, key: str) -> NoReturn:
        raise Unpredicted(key)


UNKNOWN: Final[Value] = MappingProxyType({})  # a variable that check mode could not compute; compared by identity

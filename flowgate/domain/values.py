"""Values with an additional property: who set them, or that they are secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    # Plain data: what YAML can hold, and the paths and secrets that a step registers.
    Value: TypeAlias = "bool | int | float | str | Path | Secret | Sequence[Value] | Mapping[str, Value] | None"
else:
    Value = Any  # `typing.get_type_hints` of a step must find the name; the recursive type is for mypy alone

Variables: TypeAlias = Mapping[str, Value]  # variables of a playbook by name

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T]):
    """A value and who set it.

    Attributes:
        by: "typed", "environment", "playbook", "file", "state", "platform", "kept" or "default".
        place: `file:line` for a file, the variable's name for the environment, else empty.
    """

    value: T
    by: str
    place: str = ""


class Secret:
    """A string that cannot be printed, logged or put on a command line; call `reveal()` where it must be used."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the string itself, for a program's environment or a header."""
        return self._text

    def bearer(self) -> Secret:
        """Return the `Authorization` header value that contains it."""
        return Secret(f"Bearer {self._text}")

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

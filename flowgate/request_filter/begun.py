"""Run an awaitable until it waits for something, and see whether it needs to."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Begun(Generic[T]):
    """An awaitable that has begun; awaited in the same task and at once, if `result` is None.

    Attributes:
        result: What it has returned without waiting; None if it waits.
    """

    __slots__ = ("_steps", "_waits_for", "result")

    def __init__(self, awaitable: Awaitable[T]) -> None:
        """Begin it.

        Args:
            awaitable: What to run; its result is not None.
        """
        self.result: T | None = None
        self._steps: Generator[Any, Any, T] = awaitable.__await__()
        try:
            self._waits_for = next(self._steps)
        except StopIteration as end:
            self.result = end.value

    def __await__(self) -> Generator[Any, Any, T]:
        """Continue with what it waits for."""
        try:
            yield self._waits_for
        except BaseException as fault:  # noqa: BLE001 - a cancellation belongs to what waits
            try:
                self._waits_for = self._steps.throw(fault)
            except StopIteration as end:
                caught: T = end.value
                return caught
            return (yield from self.__await__())
        return (yield from self._steps)

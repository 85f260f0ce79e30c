"""Returning memory to the system."""

from __future__ import annotations

import gc
import weakref

from flowgate.system import memory


class Node:
    """An object with a reference to itself."""

    def __init__(self) -> None:
        self.me = self


def test_trim_collects_reference_cycles() -> None:
    gc.disable()
    try:
        seen = weakref.ref(Node())
        assert seen() is not None
        memory.trim()
        assert seen() is None
    finally:
        gc.enable()

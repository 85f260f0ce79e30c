"""Giving memory back."""

from __future__ import annotations

import gc
import weakref

from flowgate.system import memory


class Node:
    """Something that can hold itself."""

    def __init__(self) -> None:
        self.me = self


def test_garbage_that_holds_itself_is_gone_afterwards() -> None:
    gc.disable()
    try:
        seen = weakref.ref(Node())
        assert seen() is not None
        memory.trim()
        assert seen() is None
    finally:
        gc.enable()

"""The memory that some code may add."""

from __future__ import annotations

import resource
import sys
import threading

import pytest

from flowgate.system.memory_limit import limited_memory, restore_memory_limit

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")


def limit() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_AS)


@linux
def test_code_that_needs_too_much_memory_is_ended() -> None:
    before = limit()
    with pytest.raises(MemoryError), limited_memory(50_000_000):
        bytearray(100_000_000)
    assert limit() == before


@linux
def test_the_limit_is_restored_before_a_program_is_started() -> None:
    before = limit()
    with limited_memory():
        assert limit() != before
        restore_memory_limit()
        assert limit() == before


def test_another_thread_is_not_limited() -> None:
    seen: list[tuple[int, int]] = []

    def look() -> None:
        with limited_memory():
            seen.append(limit())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [limit()]

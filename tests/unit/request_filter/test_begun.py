"""An awaitable that has begun: it says what it returned at once, and continues where it waits."""

from __future__ import annotations

import asyncio

import pytest

from flowgate.request_filter.begun import Begun


async def later(event: asyncio.Event, times: int = 1) -> str:
    for _ in range(times):
        await event.wait()
        await asyncio.sleep(0)
    return "late"


async def stubborn(event: asyncio.Event) -> str:
    try:
        await event.wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0)
    return "in spite of it"


async def failing() -> str:
    await asyncio.sleep(0)
    raise LookupError("gone")


async def soon() -> str:
    return "soon"


def test_a_result_that_needs_no_wait_is_known_at_once() -> None:
    assert Begun(soon()).result == "soon"


def test_a_failure_without_a_wait_is_raised_at_once() -> None:
    async def fail() -> str:
        raise LookupError("at once")

    with pytest.raises(LookupError, match="at once"):
        Begun(fail())


@pytest.mark.parametrize("times", [1, 3])
def test_what_waits_continues(times: int) -> None:
    async def run() -> str:
        event = asyncio.Event()
        begun = Begun(later(event, times))
        assert begun.result is None
        asyncio.get_running_loop().call_later(0.01, event.set)
        return await begun

    assert asyncio.run(run()) == "late"


def test_a_failure_after_a_wait_is_raised() -> None:
    async def run() -> str:
        return await Begun(failing())

    with pytest.raises(LookupError, match="gone"):
        asyncio.run(run())


def test_a_timeout_ends_the_wait() -> None:
    async def run() -> None:
        async with asyncio.timeout(0.01):
            await Begun(later(asyncio.Event()))

    with pytest.raises(TimeoutError):
        asyncio.run(run())


def test_what_waits_may_survive_a_cancellation() -> None:
    async def wait() -> str:
        return await Begun(stubborn(asyncio.Event()))

    async def run() -> str:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(run()) == "in spite of it"

from __future__ import annotations

import contextlib
import socket

from flowgate.supervisor.event_loop import Loop
from flowgate.system.clock import Clock


def test_a_socket_closed_by_an_earlier_callback_is_skipped() -> None:
    loop, heard = Loop(Clock()), []
    with contextlib.ExitStack() as stack:
        pairs = [[stack.enter_context(one) for one in socket.socketpair()] for _ in range(2)]
        for number, (ours, theirs) in enumerate(pairs):
            theirs.send(b"x")
            other = pairs[1 - number][0]

            def act(number: int = number, other: socket.socket = other) -> None:
                heard.append(number)
                loop.forget(other)
                loop.running = False

            loop.watch(ours, act)
        loop.run()
    assert len(heard) == 1


def test_a_dropped_timer_does_not_fire_and_the_others_do() -> None:
    now, fired = [0.0], list[str]()
    loop = Loop(Clock(now=lambda: now[0]))
    for name in ("kept", "dropped", "kept"):
        loop.after(1.0, lambda name=name: fired.append(name), about=(name, 1))  # type: ignore[misc]
    loop.after(2.0, lambda: setattr(loop, "running", False))
    loop.drop(("dropped", 1))
    now[0] = 3.0
    loop.run()
    assert fired == ["kept", "kept"]

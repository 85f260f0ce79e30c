from __future__ import annotations

import contextlib
import re
import socket
from datetime import UTC, datetime
from pathlib import Path

from flowgate.supervisor import event_loop
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


def test_a_jump_of_the_wall_clock_moves_no_timer() -> None:
    now, wall, fired = [0.0], [0.0], list[float]()
    loop = Loop(Clock(now=lambda: now[0], wall=lambda: datetime.fromtimestamp(wall[0], UTC)))
    loop.after(10.0, lambda: fired.append(now[0]))
    loop.after(1.0, lambda: setattr(loop, "running", False))
    wall[0], now[0] = 1e9, 1.0
    loop.run()
    assert fired == []
    now[0], wall[0], loop.running = 10.0, -1e9, True
    loop.after(0.0, lambda: setattr(loop, "running", False))
    loop.run()
    assert fired == [10.0]


PLACES = {"budgets.py", "journal.py", "recording.py", "collector.py", "stacks.py"}  # days, and times that people read
PLACES |= {"config_watch.py"}  # compares with the date of a file


def test_the_supervisor_measures_time_by_the_monotonic_clock_only() -> None:
    wall = re.compile(r"time\.time\(|\.wall\(|datetime\.now")
    folder = Path(event_loop.__file__).parent
    assert {path.name for path in folder.glob("*.py") if wall.search(path.read_text())} == PLACES

"""The command `top`: the gateway live in a terminal, until q or Ctrl-C. It never asks a model."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from flowgate.cli import console, service_faults
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.session import Session
from flowgate.cli.top_data import Observer, Snapshot, in_one_line
from flowgate.cli.top_lines import ASCII_BLOCKS, BAD, BLOCKS, DIM, Line, Painter, lines_of
from flowgate.errors import FlowGateError, UsageError
from flowgate.system import screen, streams
from flowgate.system.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

LATE_SECONDS = 3.0  # beyond the interval: then the figures on screen are called old
QUIT = ("q", "Q", "\x03", "\x04", "\x1b")


def run(config: str, interval: float, once: bool) -> int:
    """Show the gateway until q or Ctrl-C, or print one frame.

    Args:
        config: Path after `--config`; empty to search for the config.
        interval: Seconds between two frames.
        once: Print one frame to stdout, which need not be a terminal.

    Raises:
        UsageError: This is no terminal that can be drawn on.
    """
    session = open_to_read(config)
    clock = Clock()
    observer = Observer(partial(open_to_read, config, quiet=True), clock)
    painter = Painter(colour=streams.may_colour_output(), mask=_safe, encoding=streams.output_encoding())
    if once:
        return _print_one(session, observer, painter)
    if not screen.can_draw():
        what = "top needs a terminal that can move its cursor (a TERM other than dumb)"
        raise UsageError(what, fix="inv top --once, which prints one frame")
    service_faults.recover_supervisor(session)
    session.supervisor.close()
    try:
        _show(observer, painter, interval, clock)
    except KeyboardInterrupt:
        return 0
    return 0


def _safe(text: str) -> str:
    return console.masked(console.spell_commands(text))


def _print_one(session: Session, observer: Observer, painter: Painter) -> int:
    session.supervisor.close()
    width = streams.output_width()
    blocks = BLOCKS if painter.can_show(BLOCKS) else ASCII_BLOCKS
    for line in painter.paint(lines_of(observer.look(), width, None, blocks), width):
        console.data(line)
    return 0


class Watching:
    """Takes snapshots in a thread of its own, so that keys work while a process does not answer.

    Attributes:
        last: The last snapshot; None before the first.
        problem: Why there is no newer one; empty if there is.
        taken: When the last look ended, in monotonic seconds.

    Args:
        look: Takes a snapshot.
        wake: Is called after each look.
        interval: Seconds between two looks.
        clock: The time.
    """

    def __init__(self, look: Callable[[], Snapshot], wake: Callable[[], None], interval: float, clock: Clock) -> None:
        self.last: Snapshot | None = None
        self.problem, self.taken = "", clock.now()
        self._look, self._wake, self._interval, self._clock = look, wake, interval, clock
        self._failed: BaseException | None = None
        self._is_over = threading.Event()

    def start(self) -> None:
        """Begin; the thread ends with the process at the latest."""
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def end(self) -> None:
        """Take no further snapshot."""
        self._is_over.set()

    def check(self) -> None:
        """Raise what has ended the thread, if anything has."""
        if self._failed is not None:
            raise self._failed

    def _watch(self) -> None:
        while not self._is_over.is_set():
            try:
                self.last, self.problem = self._look(), ""
            except FlowGateError as error:
                self.problem = in_one_line(error)
            except Exception as bug:  # noqa: BLE001 - the outermost loop of the thread: the command raises it
                self._failed = bug
                self._is_over.set()
            self.taken = self._clock.now()
            self._wake()
            self._is_over.wait(self._interval)


def _show(observer: Observer, painter: Painter, interval: float, clock: Clock) -> None:
    with screen.Screen(streams.write_to_terminal) as terminal:
        watching = Watching(observer.look, terminal.wake, interval, clock)
        watching.start()
        try:
            while not console.reader_is_gone():
                watching.check()
                columns, rows = terminal.size()
                lines = _frame(watching, interval, clock, (columns, rows), painter)
                terminal.draw(painter.paint(lines, columns))
                typed = terminal.wait(max(interval, 1.0))
                if typed is None or any(key in QUIT for key in typed):
                    return
        finally:
            watching.end()


def _frame(watching: Watching, interval: float, clock: Clock, size: tuple[int, int], painter: Painter) -> list[Line]:
    """Return the lines of the screen: the last snapshot, and below it what is wrong and which key ends it."""
    columns, rows = size
    blocks = BLOCKS if painter.can_show(BLOCKS) else ASCII_BLOCKS
    age = clock.now() - watching.taken
    foot = Line(f"every {interval:g} s; q ends", DIM)
    if watching.problem:
        foot = Line(f"! {watching.problem}", BAD)
    elif age > interval + LATE_SECONDS:
        foot = Line(f"! no answer for {age:.0f} s; q ends", BAD)
    if watching.last is None:
        return [Line("FlowGate"), foot][:rows]
    body = lines_of(watching.last, columns, max(1, rows - 1), blocks)
    return [*body, foot][:rows]

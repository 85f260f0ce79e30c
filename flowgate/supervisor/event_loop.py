"""The supervisor's event loop: one thread, one selector, one heap of timers."""

from __future__ import annotations

import heapq
import itertools
import selectors
import socket
from collections.abc import Callable

from flowgate.system.clock import Clock

Callback = Callable[[], None]


class Loop:
    """Runs callbacks when sockets are readable or writable, and when timers expire."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.running = True
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callback, object]] = []
        self._order = itertools.count()

    def watch(self, sock: socket.socket, callback: Callback, *, writing: bool = False) -> None:
        """Run a callback whenever a socket is readable, or writable; a second call for a socket replaces the first."""
        mask = selectors.EVENT_WRITE if writing else selectors.EVENT_READ
        if sock in self._selector.get_map():
            self._selector.modify(sock, mask, callback)
        else:
            self._selector.register(sock, mask, callback)

    def forget(self, sock: socket.socket) -> None:
        """Stop watching a socket and close it."""
        if self._is_watched(sock):
            self._selector.unregister(sock)
        sock.close()

    def _is_watched(self, sock: object) -> bool:
        """Return whether a socket is watched; the selector raises an error for a closed one."""
        return isinstance(sock, socket.socket) and sock.fileno() >= 0 and sock in self._selector.get_map()

    def after(self, seconds: float, callback: Callback, about: object = None) -> None:
        """Run a callback once.

        Args:
            seconds: When, from now.
            callback: What to run.
            about: Names the timer for `drop`; several timers may share a name.
        """
        heapq.heappush(self._timers, (self.clock.now() + seconds, next(self._order), callback, about))

    def drop(self, about: object) -> None:
        """Drop the timers of that name. A drain timer of 600 s would otherwise stay after a drain of one second."""
        self._timers = [timer for timer in self._timers if timer[3] != about]
        heapq.heapify(self._timers)

    def run(self) -> None:
        """Run callbacks until `running` is false."""
        while self.running:
            wait = max(0.0, self._timers[0][0] - self.clock.now()) if self._timers else None
            for key, _ in self._selector.select(wait):
                if self._is_watched(key.fileobj):  # an earlier callback of this round may have closed it
                    key.data()
            while self._timers and self._timers[0][0] <= self.clock.now():
                heapq.heappop(self._timers)[2]()

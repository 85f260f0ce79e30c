"""One thread, one selector, one heap of timers: what the keeper waits in."""

from __future__ import annotations

import heapq
import itertools
import selectors
import socket
from collections.abc import Callable

from flowgate.system.clock import Clock

Act = Callable[[], None]


class Loop:
    """Call back when a socket can be read or written, or when a time has come."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.going = True
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Act, object]] = []
        self._order = itertools.count()

    def watch(self, sock: socket.socket, act: Act, *, writing: bool = False) -> None:
        """Call `act` whenever the socket is readable, or writable; a second call for one socket replaces the first."""
        mask = selectors.EVENT_WRITE if writing else selectors.EVENT_READ
        if sock in self._selector.get_map():
            self._selector.modify(sock, mask, act)
        else:
            self._selector.register(sock, mask, act)

    def forget(self, sock: socket.socket) -> None:
        """Stop watching a socket and close it."""
        if sock.fileno() >= 0 and sock in self._selector.get_map():
            self._selector.unregister(sock)
        sock.close()

    def _is_watched(self, sock: object) -> bool:
        """Say whether a socket is still ours; the selector itself raises when it is asked for a closed one."""
        return isinstance(sock, socket.socket) and sock.fileno() >= 0 and sock in self._selector.get_map()

    def after(self, seconds: float, act: Act, about: object = None) -> None:
        """Call `act` once, that many seconds from now.

        Args:
            about: Names the timer for `drop`; several may have one name.
        """
        heapq.heappush(self._timers, (self.clock.now() + seconds, next(self._order), act, about))

    def drop(self, about: object) -> None:
        """Forget the timers of that name: a drain of 600 s is over in one, and would be kept for the rest."""
        self._timers = [timer for timer in self._timers if timer[3] != about]
        heapq.heapify(self._timers)

    def run(self) -> None:
        """Wait and call back until `going` is false."""
        while self.going:
            wait = max(0.0, self._timers[0][0] - self.clock.now()) if self._timers else None
            for key, _ in self._selector.select(wait):
                if self._is_watched(key.fileobj):  # an earlier callback of this round may have closed it
                    key.data()
            while self._timers and self._timers[0][0] <= self.clock.now():
                heapq.heappop(self._timers)[2]()

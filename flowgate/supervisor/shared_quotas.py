"""How much each client asks, counted by all workers of a generation together.

Each client has a small file, which a worker locks for the microseconds of one request: first what each worker has in
progress, then the times of the last requests. The counts of a worker that has ended are void.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flowgate.domain.client_keys import Limits
from flowgate.request_filter.quotas import MINUTE, PARALLEL_SECONDS, Exceeded, Quotas
from flowgate.system import processes
from flowgate.system.processes import Identity

SLOTS = 128  # workers that can count at the same time; the slot of one that has ended is used again
SLOT = struct.Struct("<qqq")  # pid, start time, requests in progress
RING = struct.Struct("<qqq")  # highest number of requests, where the oldest is, how many there are
TIME = struct.Struct("<d")
RING_AT = SLOTS * SLOT.size
TIMES_AT = RING_AT + RING.size
LOCK_TRIES, LOCK_SECONDS = 100, 0.001  # a worker that is stopped while it holds the lock must not stop the others


class SharedQuotas(Quotas):
    """The requests of each client, counted by several processes in one folder.

    A worker that cannot lock or use a client's file counts by itself for that request.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.monotonic) -> None:
        """Create it.

        Args:
            folder: The folder of the counts; all workers of the generation have the same.
            now: Monotonic seconds, the same in all processes.
        """
        super().__init__(now)
        self._clock, self._folder, self._by_itself = now, folder, Quotas(now)
        self._me = processes.identify(os.getpid()) or Identity(os.getpid(), 0)
        self._files: dict[str, int] = {}
        self._alone: dict[str, int] = {}

    def enter(self, name: str, limits: Limits) -> tuple[Exceeded, int] | None:
        """Count a request that begins; see `Quotas.enter`.

        Args:
            name: The client.
            limits: What it may do.
        """
        if limits.max_parallel is None and limits.requests_per_minute is None:
            return self._enter_alone(name, limits)
        try:
            with self._locked(name) as file:
                return self._enter(file, limits)
        except OSError:  # no file is left, the disk is full, or the lock is held
            return self._enter_alone(name, limits)

    def _enter_alone(self, name: str, limits: Limits) -> tuple[Exceeded, int] | None:
        exceeded = self._by_itself.enter(name, limits)
        if exceeded is None:
            self._alone[name] = self._alone.get(name, 0) + 1
        return exceeded

    def leave(self, name: str) -> None:
        """Count a request that has ended.

        Args:
            name: The client.
        """
        if self._alone.get(name):
            self._alone[name] -= 1
            self._by_itself.leave(name)
            return
        try:
            with self._locked(name) as file:
                at, count = self._own_slot(file)
                _write(file, SLOT, at, *self._me, max(0, count - 1))
        except OSError:  # it counts as in progress until this worker ends
            return

    def in_progress(self, name: str) -> int:
        """Return the number of a client's requests in progress, in all workers.

        Args:
            name: The client.
        """
        try:
            with self._locked(name) as file:
                return self._by_itself.in_progress(name) + sum(count for _, _, count in _living(file))
        except OSError:
            return self._by_itself.in_progress(name)

    def _enter(self, file: int, limits: Limits) -> tuple[Exceeded, int] | None:
        at, own = self._own_slot(file)
        if limits.max_parallel is not None and _is_reached(file, limits.max_parallel):
            return "too_many_parallel", PARALLEL_SECONDS
        if limits.requests_per_minute is not None:
            wait = self._count(file, limits.requests_per_minute)
            if wait:
                return "too_many", wait
        _write(file, SLOT, at, *self._me, own + 1)
        return None

    def _count(self, file: int, most: int) -> int:
        """Count a request of this minute; return the seconds until it would be allowed instead, if it is not."""
        now, (size, oldest, used) = self._clock(), _read(file, RING, RING_AT)
        if size != most:
            oldest, used = 0, _resize(file, most)
        if used < most:
            at, used = (oldest + used) % most, used + 1
        else:
            (first,) = _read(file, TIME, TIMES_AT + oldest * TIME.size)
            if first > now - MINUTE:
                return max(1, math.ceil(first + MINUTE - now))
            at, oldest = oldest, (oldest + 1) % most
        _write(file, TIME, TIMES_AT + at * TIME.size, now)
        _write(file, RING, RING_AT, most, oldest, used)
        return 0

    def _own_slot(self, file: int) -> tuple[int, int]:
        """Return where this worker counts, and its count: its own slot, or one that nobody uses."""
        slots = list(_slots(file))
        for number, (pid, ticks, count) in enumerate(slots):
            if (pid, ticks) == tuple(self._me):
                return number * SLOT.size, count
        for number, (pid, ticks, _) in enumerate(slots):
            if not pid or not processes.alive(Identity(pid, ticks)):
                return number * SLOT.size, 0
        raise OSError("there are too many workers")

    @contextmanager
    def _locked(self, name: str) -> Iterator[int]:
        file = self._files.get(name)
        if file is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path = self._folder / hashlib.sha256(name.encode()).hexdigest()[:24]
            file = self._files[name] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for attempt in range(LOCK_TRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt + 1 == LOCK_TRIES:
                    raise
                time.sleep(LOCK_SECONDS if attempt > 10 else 0)
        try:
            yield file
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def _read(file: int, layout: struct.Struct, at: int) -> tuple[int, ...]:
    return layout.unpack(os.pread(file, layout.size, at).ljust(layout.size, b"\0"))


def _write(file: int, layout: struct.Struct, at: int, *values: float) -> None:
    os.pwrite(file, layout.pack(*values), at)


def _slots(file: int) -> Iterator[tuple[int, int, int]]:
    return SLOT.iter_unpack(os.pread(file, RING_AT, 0).ljust(RING_AT, b"\0"))


def _is_reached(file: int, most: int) -> bool:
    """Return whether so many requests are in progress; whether a worker lives is asked only if that matters."""
    return sum(one[2] for one in _slots(file)) >= most and sum(one[2] for one in _living(file)) >= most


def _living(file: int) -> list[tuple[int, int, int]]:
    """Return the slots of the workers that live and have requests in progress."""
    busy = [(pid, ticks, count) for pid, ticks, count in _slots(file) if count > 0]
    return [one for one in busy if processes.alive(Identity(one[0], one[1]))]


def _resize(file: int, most: int) -> int:
    """Make room for another number of requests; the newest ones stay. Return how many there are."""
    size, oldest, used = _read(file, RING, RING_AT)
    times = [_read(file, TIME, TIMES_AT + (oldest + at) % size * TIME.size)[0] for at in range(used)] if size else []
    kept = times[-most:]
    os.ftruncate(file, TIMES_AT + most * TIME.size)
    for at, one in enumerate(kept):
        _write(file, TIME, TIMES_AT + at * TIME.size, one)
    _write(file, RING, RING_AT, most, 0, len(kept))
    return len(kept)

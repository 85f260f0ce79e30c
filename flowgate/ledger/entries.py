"""Rows of the ledger before they are written: plain data in the order of the columns."""

from __future__ import annotations

from typing import NamedTuple

IDS_PER_MICROSECOND = 2048
LARGEST_ID = 2**63 - 1  # of SQLite; times after the year 2112 have no id of their own
LONGEST_STEP_BACK = 1_000_000  # microseconds
OWN_CLIENT = "flowgate"
FAILED_STATUS = 400


class Request(NamedTuple):
    """One request; the fields are the columns of `requests` (flowgate/ledger/schema.py)."""

    id: int
    at: float
    run: int
    request_id: str
    client: str
    path: str
    protocol: str
    model: str
    deployment: str
    provider: str
    status: int | None
    error: str
    retries: int
    fallbacks: int
    waited: float
    first_piece: float | None
    seconds: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost: float | None
    price: str


class Attempt(NamedTuple):
    """One attempt; the fields are the columns of `attempts`."""

    request: int
    number: int
    at: float
    model: str
    deployment: str
    deployment_id: str
    host: str
    provider: str
    seconds: float | None
    status: int | None
    error: str
    obstacle: str
    retry_after: int | None = None


class Entry(NamedTuple):
    """A request and its attempts."""

    request: Request
    attempts: tuple[Attempt, ...]


class Run(NamedTuple):
    """A process that records requests.

    Attributes:
        generation: Number of its generation.
        profile: Name of the profile.
        version: Version of the program that answers; empty: not known.
        pid: The process.
        ticks: When it started, by the kernel; with the pid, it identifies the process.
        promises: What its profile promises, as JSON; empty: not known.
        worker: Which worker of its generation it is, from 1; 0: not known.
    """

    generation: int
    profile: str
    version: str
    pid: int
    ticks: int
    promises: str = ""
    worker: int = 0


class Ids:
    """Makes the ids of one process: in the order of time, and not those of another process.

    Args:
        salt: A number of the process.
    """

    def __init__(self, salt: int) -> None:
        self._salt, self._last = salt % IDS_PER_MICROSECOND, 0

    def next(self, at: float) -> int:
        """Return an id.

        Args:
            at: Seconds since 1970.
        """
        now = int(at * 1e6)
        if now <= self._last < now + LONGEST_STEP_BACK:  # two requests at once; otherwise the clock was set back
            now = self._last + 1
        self._last = now
        return self._last * IDS_PER_MICROSECOND + self._salt


def id_at(at: float) -> int:
    """Return the smallest id of a time.

    Args:
        at: Seconds since 1970.
    """
    return min(int(at * 1e6) * IDS_PER_MICROSECOND, LARGEST_ID)

"""How the collection of a service's own records goes, as plain data."""

from __future__ import annotations

from typing import TypedDict


class SourceStatus(TypedDict):
    """How the collection of a service's records goes.

    state: "collecting"; "absent": the service has no records; "refused": its key was refused; "failing".
    problem: why it is not "collecting". records: how many were written. unreadable: how many were not understood.
    """

    state: str
    problem: str
    records: int
    unreadable: int

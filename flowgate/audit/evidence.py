"""What one outage, cooldown or request says about a promise: plain data."""

from __future__ import annotations

from typing import NamedTuple

from flowgate.audit.served import Served
from flowgate.rehearsal.comparisons import BROKEN, Comparison


class Evidence(NamedTuple):
    """What one outage, cooldown or request says about a promise.

    Attributes:
        compared: The promise beside what was observed.
        requests: The requests that show it.
        why: Why the verdict is not known; empty: it is.
    """

    compared: Comparison
    requests: tuple[Served, ...] = ()
    why: str = ""

    @property
    def is_broken(self) -> bool:
        """Whether the promise is certainly broken."""
        return self.compared.verdict == BROKEN and not self.why

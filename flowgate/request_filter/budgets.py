"""The budgets that are exhausted and refuse requests: a file of the supervisor, read again whenever it changes."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowgate.domain import budget_state
from flowgate.domain.budgets import REFUSE, shown_end
from flowgate.errors import FlowGateError
from flowgate.request_filter import paths
from flowgate.request_filter.dialects import error_response
from flowgate.request_filter.path_lists import Paths
from flowgate.request_filter.recent import READING
from flowgate.system.watched_file import WatchedFile

if TYPE_CHECKING:
    from starlette.types import Scope

    from flowgate.request_filter.dialects import Response

MOST_BYTES = 4_000_000


class Exhausted(NamedTuple):
    """A limit that is reached.

    Attributes:
        until: End of its period, in seconds since 1970.
        message: What a client is told.
    """

    until: float
    message: str

    @property
    def seconds(self) -> int:
        """Seconds until its period ends, at least 1."""
        return max(1, math.ceil(self.until - time.time()))


class ExhaustedBudgets:
    """The limits of one file.

    Args:
        path: The file; empty for none.
        asking: Paths at which models are asked; other requests are not refused.
        public_port: The port that clients use; what FlowGate asks a generation before it serves is not refused.
    """

    def __init__(self, path: str = "", asking: tuple[str, ...] = (), public_port: int = 0) -> None:
        self._asking, self._public_port = Paths(asking), public_port
        self._file = WatchedFile(Path(path), MOST_BYTES) if path else None
        self._by_client: dict[str, list[Exhausted]] = {}

    def refusal(self, scope: Scope, client: str) -> Response | None:
        """Return the 429 to a request that an exhausted budget refuses; None if it passes.

        Args:
            scope: The request, with the path that the app understands.
            client: The client; empty for the gateway's own key.
        """
        found = self.find(client) if self._file is not None else None
        path = scope["path"]
        if found is None or scope.get("method") in READING or path not in self._asking:
            return None
        port = (scope.get("server") or (None, 0))[1]
        asked = paths.asked(path)
        if (self._public_port and port != self._public_port) or (asked and asked.word in paths.COUNTING):
            return None
        after = (b"retry-after", str(found.seconds).encode())
        return error_response(path, scope["headers"], 429, "budget", found.message, (after,))

    def find(self, client: str) -> Exhausted | None:
        """Return the limit that refuses a request now; of several, the one that ends last.

        Args:
            client: The client; empty for the gateway's own key.
        """
        if self._file is None:
            return None
        if self._file.has_changed():
            self._read(self._file)
        if not self._by_client:
            return None
        found = [*self._by_client.get("", ()), *(self._by_client.get(client, ()) if client else ())]
        now = time.time()
        return max((one for one in found if one.until > now), key=lambda one: one.until, default=None)

    def _read(self, file: WatchedFile) -> None:
        try:
            text = file.read()
            limits = budget_state.parse(text).limits if text else {}
        except (FlowGateError, ValueError):
            return  # the supervisor writes it anew; what was read last stays until then
        self._by_client = {}
        for name, one in limits.items():
            if one.act == REFUSE and one.exhausted:
                whose = f" of the client '{one.client}'" if one.client else ""
                message = f"the budget {name.rpartition('.')[0]}{whose} is exhausted ({one.words})"
                message += f"; requests are answered again from {shown_end(one.until)}"
                self._by_client.setdefault(one.client, []).append(Exhausted(one.until, message))

"""A question that shows whether a program answers at all, whatever it serves.

`OPTIONS *` is meant for that, and costs nothing: Go's HTTP server answers it itself, so that a program that is written
in Go neither logs it nor does anything for it.

Source: RFC 9110, 9.3.7; Go 1.24, net/http, `serverHandler.ServeHTTP`
"""

from __future__ import annotations

from typing import ClassVar

from flowgate.supervisor.probe import Probe


class Ping(Probe):
    """Asks until the program answers. Any answer counts, and also that it closes the connection."""

    METHOD: ClassVar[str] = "OPTIONS"
    FAST_SECONDS: ClassVar[float] = 1.0
    SLOW_SECONDS: ClassVar[float] = 1.0

    def _read(self) -> None:
        self._finish()

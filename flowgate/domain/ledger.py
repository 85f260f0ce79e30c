"""Settings of the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

FILE_NAME = "ledger.sqlite"


class LedgerSettings(NamedTuple):
    """The section `ledger` of the config.

    Attributes:
        enabled: Whether requests are recorded.
        keep_days: How long single requests are kept; hourly sums are kept longer.
        max_mb: Size in MB (10**6 bytes) above which the oldest requests are deleted.
    """

    enabled: bool = True
    keep_days: int = 90
    max_mb: int = 500


class LedgerFile(NamedTuple):
    """Where a worker records its requests.

    Attributes:
        path: The SQLite file.
        keep_days: As in `LedgerSettings`.
        max_mb: As in `LedgerSettings`.
        promises: What the profile promises, as JSON; empty: not known.
    """

    path: Path
    keep_days: int
    max_mb: int
    promises: str = ""

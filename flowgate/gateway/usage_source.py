"""Where the records of CLIProxyAPIPlus about its accounts are collected.

Source: 7.2.101-1 and 7.2.137-9: `GET /v0/management/usage-queue?count=N` hands out the oldest N records, 500 at most,
and forgets them; they are kept for a minute or more, if `usage-statistics-enabled` is true. 6.8.16-0 answers 404, and
keeps every request in memory with that setting.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flowgate.domain.ledger import FILE_NAME, LedgerFile
from flowgate.domain.usage_source import UsageSource

if TYPE_CHECKING:
    from flowgate.domain import Config

RECORDS_AT_ONCE = 100
PATH = f"/v0/management/usage-queue?count={RECORDS_AT_ONCE}"
KEY_VARIABLE, KEY_FILE = "MANAGEMENT_PASSWORD", "management-key"
PARSE = "flowgate.gateway.usage_queue:parse"
FIRST_LINE = 7  # that has the queue


def describe(config: Config) -> UsageSource | None:
    """Return where the records are collected; None if nothing is recorded.

    Args:
        config: The config.
    """
    if not config.ledger.enabled:
        return None
    runtime, settings = config.paths.runtime_dir, config.ledger
    ledger = LedgerFile(runtime / FILE_NAME, settings.keep_days, settings.max_mb)
    return UsageSource(PATH, KEY_VARIABLE, runtime.parent / "secrets" / KEY_FILE, PARSE, ledger)


def has_queue(version: str) -> bool:
    """Return whether a version hands out records; False if it is not known.

    Args:
        version: The version ("v7.2.137-9").
    """
    number = re.match(r"v?(\d+)\.", version)
    return number is not None and int(number[1]) >= FIRST_LINE

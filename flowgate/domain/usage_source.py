"""Where a service hands out records of its own about the requests that it answered with accounts."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from flowgate.domain.ledger import LedgerFile

WARN_AT = 80.0
"""Percent of a limit of an account at which an event warns."""


class UsageSource(NamedTuple):
    """Where the supervisor collects a service's records; each of them is handed out once.

    Attributes:
        path: Path of the request, with the number of records that are wanted at once.
        key_variable: The variable in the program's environment that has the key for it.
        key_file: A file that has it too, for a program that an earlier supervisor started.
        parse: "module:function" that understands an answer: its body, and the seconds since 1970 → `Collected`
            (flowgate/ledger/account_entries.py).
        ledger: Where they are written.
    """

    path: str
    key_variable: str
    key_file: Path
    parse: str
    ledger: LedgerFile

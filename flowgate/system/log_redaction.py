"""Hide secrets in a log that another program keeps open and appends to: each is overwritten where it stands.

The program writes into the file itself, so that it goes on when the supervisor is killed; nothing can filter what it
writes. Stars of the same length keep every other byte where it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from flowgate.errors import DiskError
from flowgate.system.regular_files import open_regular

SHORTEST = 8  # a shorter value stands in too many other words
FORM = rb"(?<=\bsk-)[A-Za-z0-9_-]{8,}"
MOST_BYTES = 512_000  # in one call


def pattern(secrets: Iterable[str]) -> re.Pattern[bytes]:
    """Return what is hidden: the secrets, and whatever has the form of a key (`sk-…`).

    Args:
        secrets: The known secrets.
    """
    known = sorted({one.encode() for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)
    return re.compile(b"|".join([*map(re.escape, known), FORM]))


def redact(path: Path, start: int, secrets: re.Pattern[bytes]) -> int:
    """Hide the secrets in the complete lines from an offset on.

    Args:
        path: The log.
        start: The offset; one behind the end means that the log was begun anew.
        secrets: What is hidden.

    Returns:
        The offset from which to go on.
    """
    try:
        handle = open_regular(path, os.O_RDWR)  # with O_APPEND, Linux would write at the end
    except (OSError, DiskError):
        return 0
    try:
        start = start if start <= os.fstat(handle).st_size else 0
        data = os.pread(handle, MOST_BYTES, start)
        end = data.rfind(b"\n") + 1 or (len(data) if len(data) == MOST_BYTES else 0)
        for found in secrets.finditer(data, 0, end):
            os.pwrite(handle, b"*" * len(found[0]), start + found.start())
        return start + end
    except OSError:
        return start
    finally:
        os.close(handle)

"""Histograms of durations: counts in buckets that grow by a tenth, so that a percentile is off by 5 % at most."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping

GROWTH = math.log(1.1)
SHORTEST_SECONDS = 0.001  # everything shorter is in bucket 0
LAST_BUCKET = 255
PAIR = struct.Struct("<BI")

Histogram = dict[int, int]
"""Bucket → how many durations are in it."""


def bucket(seconds: float) -> int:
    """Return the bucket of a duration.

    Args:
        seconds: The duration.
    """
    if seconds <= SHORTEST_SECONDS:
        return 0
    return min(LAST_BUCKET, math.ceil(math.log(seconds / SHORTEST_SECONDS) / GROWTH))


def add(into: Histogram, more: Mapping[int, int]) -> None:
    """Add the counts of a histogram to another one.

    Args:
        into: The histogram that is changed.
        more: The counts to add.
    """
    for number, count in more.items():
        into[number] = into.get(number, 0) + count


def percentiles(histogram: Mapping[int, int], wanted: Iterable[float]) -> list[float | None]:
    """Return percentiles, in seconds; None for each if the histogram is empty.

    Args:
        histogram: The counts.
        wanted: Percentiles in ascending order, from 0 to 100.
    """
    total, seen = sum(histogram.values()), 0
    numbers = iter(sorted(histogram))
    found: list[float | None] = []
    number = 0
    for one in wanted:
        while total and seen < max(1, math.ceil(total * one / 100)):
            number = next(numbers)
            seen += histogram[number]
        found.append(middle(number) if total else None)
    return found


def upper_bound(number: int) -> float:
    """Return the longest duration in a bucket, in seconds.

    Args:
        number: The bucket.
    """
    return SHORTEST_SECONDS * math.exp(GROWTH * number)


def middle(number: int) -> float:
    """Return the duration in the middle of a bucket, in seconds.

    Args:
        number: The bucket.
    """
    return SHORTEST_SECONDS * math.exp(GROWTH * (number - 0.5)) if number else SHORTEST_SECONDS


def pack(histogram: Mapping[int, int]) -> bytes:
    """Return a histogram as the ledger stores it: for each bucket its number (1 byte) and count (4, little-endian).

    Args:
        histogram: The counts.
    """
    return b"".join(PAIR.pack(number, count) for number, count in histogram.items() if count > 0)


def add_packed(into: Histogram, packed: bytes) -> None:
    """Add the counts that `pack` has packed, of one histogram or of several in a row.

    Args:
        into: The histogram that is changed.
        packed: The counts.
    """
    counts = [0] * (LAST_BUCKET + 1)  # faster than a dictionary, for reports over many hours
    for number, count in PAIR.iter_unpack(packed):
        counts[number] += count
    add(into, {number: count for number, count in enumerate(counts) if count})

"""How many requests a generation serves at once, and how large and how slow a request may be; pure."""

from __future__ import annotations

from typing import NamedTuple

AUTO = 0  # `services.litellm.max_requests: auto`
PER_WORKER = 200  # 9 ms of processor time each: with more, one turn of the event loop takes seconds
LEAST = 8
RESERVED_FILES = 64  # of a worker: for logs, listeners, the control socket and modules
REQUEST_BYTES = 2 * 2**20  # of memory that a request in progress may take
MEMORY_SHARE = 2  # requests may take this part of the machine's memory: a half
MAX_BODY = 256 * 2**20
DESCRIBED = 2**20


class RequestLimit(NamedTuple):
    """How many requests are served at once.

    Attributes:
        generation: By all workers of a generation together.
        worker: By one of them: what its open files allow.
        why: Where the first number comes from, for people.
    """

    generation: int
    worker: int
    why: str


def request_limit(configured: int, workers: int, files: int, memory: int) -> RequestLimit:
    """Return how many requests are served at once.

    A request takes a file for its client and one for its provider; a third one is for connections without a request:
    those that are kept, and those of clients that are told to come again.

    Args:
        configured: What the config says; AUTO for a number that suits the machine.
        workers: Processes of the generation.
        files: How many files a worker may have open.
        memory: Bytes of memory of the machine; 0 if it is not known.
    """
    own = max(LEAST, (files - RESERVED_FILES) // 3)
    if configured != AUTO:
        return RequestLimit(configured, own, "services.litellm.max_requests")
    found = [
        (PER_WORKER * workers, f"{PER_WORKER} for each worker"),
        (own * workers, f"a worker may have {files:,} files open"),
    ]
    if memory:
        share = max(LEAST, memory // MEMORY_SHARE // REQUEST_BYTES)
        found.append((share, f"half of the memory at {REQUEST_BYTES // 2**20} MiB each"))
    return RequestLimit(min(found)[0], own, min(found)[1])


def size(count: int) -> str:
    """Return a number of bytes for people.

    Args:
        count: The bytes.
    """
    return f"{count // DESCRIBED:,} MiB" if count >= DESCRIBED else f"{count:,} bytes"

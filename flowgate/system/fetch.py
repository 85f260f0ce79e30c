"""Download a large file: resumed after a cut connection, retried, and limited in size, time and attempts.

The file is hashed while it arrives; it is not read again.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flowgate.domain import Secret
from flowgate.errors import EnvironmentFailure, Unreachable
from flowgate.system.clock import Clock
from flowgate.system.disk_errors import translate_os_errors
from flowgate.system.download_retries import ProgressedError, RetryableError, RetryPolicy, run_attempts
from flowgate.system.http_errors import redacted_url
from flowgate.system.redirects import follow
from flowgate.system.retry_after import status_error

if TYPE_CHECKING:
    import requests

BLOCK = 1 << 18  # bytes read from the socket at once
NOT_FOUND = (404, 410)
REPORT_SECONDS = 0.1  # between two calls of `progress`

Progress = Callable[[int, int | None], None]


def no_progress(done: int, total: int | None) -> None:
    """Report no progress."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one download.

    Attributes:
        max_bytes: Size of the whole file.
        timeout_seconds: To connect, and between two bytes.
        window_seconds: A connection that transfers less than `window_bytes` in this time is too slow.
        window_bytes: See `window_seconds`.
        progress_bytes: An attempt that gets this much further does not count as failed.
        retries: Number of attempts, and waits.
        max_redirects: Redirects of one attempt.
    """

    max_bytes: int = 256 << 20
    timeout_seconds: float = 20.0
    window_seconds: float = 30.0
    window_bytes: int = 64 << 10
    progress_bytes: int = 1 << 20
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    max_redirects: int = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """A completely downloaded file.

    Attributes:
        size: Its size in bytes.
        sha256: Its SHA-256 digest: 64 hex digits.
        host: The host that sent it, after redirects.
    """

    size: int
    sha256: str
    host: str


def fetch(
    url: str,
    into: Path,
    *,
    clock: Clock,
    limits: Limits | None = None,
    token: Secret | None = None,
    progress: Progress = no_progress,
    on_retry: Callable[[str], None] = lambda message: None,
) -> Fetched | None:
    """Download a file; resume after a cut connection.

    Args:
        url: The URL.
        into: The file to write (0600). It is deleted again if the download fails.
        clock: Measures and waits.
        limits: Limits; default: `Limits()`.
        token: A bearer token, sent to the host of `url` only.
        progress: Called about ten times a second with the bytes so far and the size, if it is known.
        on_retry: Called with a sentence after a failed attempt, before the next one.

    Returns:
        The file; None if the server does not have it (404).

    Raises:
        Unreachable: All attempts failed.
        EnvironmentFailure: The server rejected the request, or the file is too large.
        DiskError: The file cannot be written.
    """
    fetched = None
    try:
        with translate_os_errors(into):
            handle = os.open(into, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                file = _PartialFile(into, handle)
                fetched = _Download(url, token, clock, limits or Limits(), progress, on_retry, file).run()
            finally:
                os.close(handle)
        return fetched
    finally:
        if fetched is None:
            into.unlink(missing_ok=True)


def is_there(url: str, *, token: Secret | None = None, limits: Limits | None = None) -> bool:
    """Return whether a URL exists: every status but 404 and 410 counts.

    Args:
        url: The URL.
        token: A bearer token, sent to the host of `url` only.
        limits: Timeout and redirects; default: `Limits()`.

    Raises:
        Unreachable: The server cannot be reached.
    """
    limits = limits or Limits()
    with follow(url, {}, token, timeout=limits.timeout_seconds, max_redirects=limits.max_redirects) as response:
        return response.status_code not in NOT_FOUND


@dataclass(slots=True)
class _PartialFile:
    """The part that has arrived.

    Attributes:
        total: The size of the whole file, if it is known.
        validator: The server's ETag or date of this content. Without one a download cannot be resumed.
        host: The host that sent it.
        checkpoint: The largest size at which a failed attempt counted as progress.
    """

    path: Path
    handle: int
    size: int = 0
    total: int | None = None
    validator: str = ""
    host: str = ""
    checkpoint: int = 0
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def restart(self) -> None:
        with translate_os_errors(self.path):
            os.ftruncate(self.handle, 0)
            os.lseek(self.handle, 0, os.SEEK_SET)
        self.size, self.total, self.validator, self.hash = 0, None, "", hashlib.sha256()

    def append(self, block: bytes) -> None:
        rest = memoryview(block)
        with translate_os_errors(self.path):
            while rest:
                rest = rest[os.write(self.handle, rest) :]
        self.hash.update(block)
        self.size += len(block)


@dataclass(frozen=True, slots=True)
class _Download:
    url: str
    token: Secret | None
    clock: Clock
    limits: Limits
    progress: Progress
    on_retry: Callable[[str], None]
    file: _PartialFile

    def run(self) -> Fetched | None:
        found = run_attempts(self._attempt, self.limits.retries, self.clock, self.on_retry)
        return Fetched(self.file.size, self.file.hash.hexdigest(), self.file.host) if found else None

    def _attempt(self) -> bool:
        """Request the file, or the missing part; return false if the server does not have it."""
        file, limits = self.file, self.limits
        headers = {"Range": f"bytes={file.size}-", "If-Range": file.validator} if file.size and file.validator else {}
        timeout, max_redirects = limits.timeout_seconds, limits.max_redirects
        try:
            with follow(self.url, headers, self.token, timeout=timeout, max_redirects=max_redirects) as response:
                if response.status_code in NOT_FOUND:
                    return False
                self._read_head(response)
                self._read_body(response)
        except Unreachable as error:
            if file.size - file.checkpoint < limits.progress_bytes:
                raise RetryableError(error) from None
            file.checkpoint = file.size
            raise ProgressedError(error) from None
        return True

    def _read_head(self, response: requests.Response) -> None:
        """Prepare the file for the body that follows."""
        file, status, headers, where = self.file, response.status_code, response.headers, redacted_url(response.url)
        file.host = urlsplit(response.url).hostname or ""
        part = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("content-range", ""))
        if status == 206 and part and int(part[1]) == file.size:
            file.total = int(part[2])
        elif status == 200:
            file.restart()
            length, etag = headers.get("content-length", ""), headers.get("etag", "")
            file.total = int(length) if length.isdigit() else None
            file.validator = etag if etag and not etag.startswith("W/") else headers.get("last-modified", "")
        elif status in (206, 416):
            file.restart()
            raise Unreachable(f"{where} cannot resume the download")
        else:
            authorised, max_wait = self.token is not None, self.limits.retries.max_retry_after
            raise status_error(status, headers, where, self.clock, max_wait, authorised=authorised)
        if file.total is not None and file.total > self.limits.max_bytes:
            raise self._too_large(where)

    def _read_body(self, response: requests.Response) -> None:
        """Append the body block by block; check size and speed."""
        where, limits, now, file = redacted_url(response.url), self.limits, self.clock.now, self.file
        window_start = reported = now()
        window_size = file.size
        # `read` waits until a block is full, however slowly; `read1` returns what has arrived.
        while block := response.raw.read1(BLOCK, decode_content=False):
            file.append(block)
            if file.size > limits.max_bytes:
                raise self._too_large(where)
            moment = now()
            if moment - reported >= REPORT_SECONDS:
                self.progress(file.size, file.total)
                reported = moment
            if moment - window_start >= limits.window_seconds:
                if file.size - window_size < limits.window_bytes:
                    speed = f"{file.size - window_size} bytes in {moment - window_start:.0f} s"
                    raise Unreachable(f"the connection to {where} is too slow ({speed})")
                window_start, window_size = moment, file.size
        if file.total is not None and file.size < file.total:
            raise Unreachable(f"the connection to {where} was cut at {file.size} of {file.total} bytes")
        self.progress(file.size, file.size)

    def _too_large(self, where: str) -> EnvironmentFailure:
        return EnvironmentFailure(f"{where} sends more than {self.limits.max_bytes >> 20} MiB, too much for a release")

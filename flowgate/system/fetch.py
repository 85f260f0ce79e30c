"""Fetch a large file: block by block into a file, resumed after a cut, patient with servers and bounded in everything.

A body is hashed while it comes, so memory stays small and the disk is read once. Foreign exceptions become ours here.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowgate.domain import Secret
from flowgate.errors import EnvironmentFailure, FlowGateError, Unreachable
from flowgate.system import http
from flowgate.system.clock import Clock
from flowgate.system.disk_errors import translate_os_errors
from flowgate.system.redirects import follow
from flowgate.system.retry_after import Again, refuse

if TYPE_CHECKING:
    import requests

BLOCK = 1 << 18  # bytes asked of the socket at once
ABSENT = (404, 410)
TOLD_EVERY = 0.1  # seconds between two words on progress

Progress = Callable[[int, int | None], None]


def no_progress(done: int, total: int | None) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much, how slow and how often is too much.

    Attributes:
        most_bytes: Of the whole file.
        silence_seconds: To connect, and between two bytes.
        window_seconds: Fewer bytes within one window count as a stalled connection.
        window_bytes: Fewer bytes within one window count as a stalled connection.
        tries: In a row without `gain_bytes` more in the file.
        first_wait: Seconds between tries, doubling; a server may ask for `longest_patience` at most.
        longest_wait: Seconds between tries, doubling; a server may ask for `longest_patience` at most.
    """

    max_bytes: int = 256 << 20
    silence_seconds: float = 20.0
    window_seconds: float = 30.0
    window_bytes: int = 64 << 10
    tries: int = 5
    gain_bytes: int = 1 << 20
    first_wait: float = 0.5
    longest_wait: float = 8.0
    longest_patience: float = 90.0
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is here, whole.

    Attributes:
        sha256: 64 hex digits.
        host: Who sent it in the end.
    """

    size: int
    sha256: str
    host: str


@dataclass(slots=True)
class _Body:
    """What has arrived so far.

    Attributes:
        mark: The server's name for this very content; without one nothing can be resumed.
    """

    into: Path
    size: int = 0
    total: int | None = None
    mark: str = ""
    host: str = ""
    sum: Any = field(default_factory=hashlib.sha256)

    def restart(self, handle: int) -> None:
        with translate_os_errors(self.into):
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
        self.size, self.total, self.mark, self.sum = 0, None, "", hashlib.sha256()

    def add(self, handle: int, block: bytes) -> None:
        rest = memoryview(block)
        with translate_os_errors(self.into):
            while rest:
                rest = rest[os.write(handle, rest) :]
        self.sum.update(block)
        self.size += len(block)


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
    """Fetch a file over HTTP, going on where a cut connection stopped.

    Args:
        into: The file to write (0600); deleted again when it cannot be completed.
        token: Shown to the first address only, never to one that it redirects to.
        progress: Told bytes and, when known, the whole size, about ten times a second.
        tell: Told a sentence for people when a try fails and another follows.

    Returns:
        None when the server has no such file (404).

    Raises:
        Unreachable: See the message.
        EnvironmentFailure: See the message.
        DiskError: See the message.
    """
    whole = False
    try:
        with translate_os_errors(into):
            handle = os.open(into, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                source = _Source(url, token, clock, limits or Limits(), progress, on_retry)
                fetched = source.fetch(_Body(into), handle)
            finally:
                os.close(handle)
        whole = fetched is not None
        return fetched
    finally:
        if not whole:
            into.unlink(missing_ok=True)


def is_there(url: str, *, token: Secret | None = None, limits: Limits | None = None) -> bool:
    """Say whether an address answers at all; only a 404 is a no.

    Raises:
        Unreachable: See the message.
    """
    limits = limits or Limits()
    with follow(url, {}, token, silence=limits.silence_seconds, redirects=limits.redirects) as response:
        return response.status_code not in ABSENT


@dataclass(frozen=True, slots=True)
class _Source:
    url: str
    token: Secret | None
    clock: Clock
    limits: Limits
    progress: Progress
    on_retry: Callable[[str], None]

    def fetch(self, body: _Body, handle: int) -> Fetched | None:
        """Try until it is whole, or until nothing more comes."""
        limits = self.limits
        failed, base, wait = 0, 0, limits.first_wait
        while True:
            try:
                if not self._try(body, handle):
                    return None
                return Fetched(body.size, body.sum.hexdigest(), body.host)
            except Again as again:
                if body.size - base >= limits.gain_bytes:
                    failed, base, wait = 0, body.size, limits.first_wait
                failed += 1
                if failed >= limits.tries:
                    raise self._given_up(again.error, failed) from None
                seconds = wait if again.wait is None else again.wait
                self.on_retry(f"{again.error.what}; another try in {seconds:g} s")
                self.clock.sleep(seconds)
                wait = min(2 * wait, limits.longest_wait)
                base = min(base, body.size)

    def _given_up(self, error: FlowGateError, tries: int) -> FlowGateError:
        return Unreachable(f"{error.what}, {tries} times in a row", fix=error.fix or "try again later")

    def _try(self, body: _Body, handle: int) -> bool:
        headers = {"Range": f"bytes={body.size}-", "If-Range": body.mark} if body.size and body.mark else {}
        try:
            silence, redirects = self.limits.silence_seconds, self.limits.redirects
            with follow(self.url, headers, self.token, silence=silence, redirects=redirects) as response:
                if response.status_code in ABSENT:
                    return False
                self._settle(response, body, handle)
                self._take(response, body, handle)
        except Unreachable as error:
            raise Again(error) from None
        return True

    def _settle(self, response: requests.Response, body: _Body, handle: int) -> None:
        """Read an answer's head: is it the file, the rest of it, or a reason to wait or to give up?"""
        status, heads, where = response.status_code, response.headers, http.redacted_url(response.url)
        body.host = urlsplit(response.url).hostname or ""
        part = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", heads.get("content-range", ""))
        if status == 206 and part and int(part[1]) == body.size:
            body.total = int(part[2])
        elif status == 200:
            body.restart(handle)
            length = heads.get("content-length", "")
            body.total = int(length) if length.isdigit() else None
            strong = heads.get("etag", "") if not heads.get("etag", "").startswith("W/") else ""
            body.mark = strong or heads.get("last-modified", "")
        elif status in (206, 416):
            body.restart(handle)
            raise Again(Unreachable(f"{where} could not go on where it had stopped"))
        else:
            longest = self.limits.longest_patience
            refuse(status, heads, where, self.clock, longest, authorised=self.token is not None)
        if body.total is not None and body.total > self.limits.max_bytes:
            raise self._too_large(where)

    def _take(self, response: requests.Response, body: _Body, handle: int) -> None:
        """Write the body block by block, watching its size and its speed."""
        where, limits, now = http.redacted_url(response.url), self.limits, self.clock.now
        began = told = now()
        mark = body.size
        # read1 gives what one look at the socket gave; read would wait for a full block, however slowly it fills.
        while block := response.raw.read1(BLOCK, decode_content=False):
            body.add(handle, block)
            if body.size > limits.max_bytes:
                raise self._too_large(where)
            moment = now()
            if moment - told >= TOLD_EVERY:
                self.progress(body.size, body.total)
                told = moment
            if moment - began >= limits.window_seconds:
                if body.size - mark < limits.window_bytes:
                    gained = f"{body.size - mark} bytes in {moment - began:.0f} s"
                    raise Again(Unreachable(f"{where} sends almost nothing ({gained})"))
                began, mark = moment, body.size
        if body.total is not None and body.size < body.total:
            raise Again(Unreachable(f"the connection to {where} was cut at {body.size} of {body.total} bytes"))
        self.progress(body.size, body.size)

    def _too_large(self, where: str) -> EnvironmentFailure:
        return EnvironmentFailure(
            f"{where} sends more than {self.limits.max_bytes >> 20} MiB: that is no release archive"
        )

"""Fetch a large file: block by block into a file, resumed after a cut, patient with servers and bounded in everything.

A body is hashed while it comes, so memory stays small and the disk is read once. Foreign exceptions become ours here.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from flowgate.errors import OutsideRefused, Refusal, Unreachable
from flowgate.model import Secret
from flowgate.world import http
from flowgate.world.clock import Clock
from flowgate.world.disk import refusing

if TYPE_CHECKING:
    import requests

BLOCK = 1 << 18  # bytes asked of the socket at once
REDIRECTS = (301, 302, 303, 307, 308)
PASSING = (408, 425, 429, 500, 502, 503, 504)  # statuses worth another try
ABSENT = (404, 410)
TOLD_EVERY = 0.1  # seconds between two words on progress

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much, how slow and how often is too much.

    most_bytes: of the whole file
    silence_seconds: to connect, and between two bytes
    window_seconds, window_bytes: fewer bytes within one window count as a stalled connection
    tries: in a row without `gain_bytes` more in the file
    first_wait, longest_wait: seconds between tries, doubling; a server may ask for `longest_patience` at most
    """

    most_bytes: int = 256 << 20
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

    sha256: 64 hex digits
    host: who sent it in the end
    """

    size: int
    sha256: str
    host: str


@dataclass(slots=True)
class Again(Exception):
    """This try failed; another may succeed. Never leaves this module."""

    refusal: Refusal
    wait: float | None = None


@dataclass(slots=True)
class _Body:
    """What has arrived so far.

    mark: the server's name for this very content; without one nothing can be resumed
    """

    into: Path
    size: int = 0
    total: int | None = None
    mark: str = ""
    host: str = ""
    sum: Any = field(default_factory=hashlib.sha256)

    def restart(self, handle: int) -> None:
        os.ftruncate(handle, 0)
        self.size, self.total, self.mark, self.sum = 0, None, "", hashlib.sha256()

    def add(self, handle: int, block: bytes) -> None:
        rest = memoryview(block)
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
    progress: Progress = lambda done, total: None,
    tell: Callable[[str], None] = lambda said: None,
) -> Fetched | None:
    """Fetch a file over HTTP, going on where a cut connection stopped.

    into: the file to write (0600); deleted again when it cannot be completed
    token: shown to the first address only, never to one that it redirects to
    progress: told bytes and, when known, the whole size, about ten times a second
    tell: told a sentence for people when a try fails and another follows
    Gives: None when the server has no such file (404)
    Fails with: Unreachable, OutsideRefused, DiskRefused
    """
    whole = False
    try:
        with refusing(into):
            handle = os.open(into, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                source = _Source(url, token, clock, limits or Limits(), progress, tell)
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

    Fails with: Unreachable
    """
    with _open(url, {}, token, limits or Limits()) as response:
        return response.status_code not in ABSENT


@dataclass(frozen=True, slots=True)
class _Source:
    url: str
    token: Secret | None
    clock: Clock
    limits: Limits
    progress: Progress
    tell: Callable[[str], None]

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
                    raise self._given_up(again.refusal, failed) from None
                seconds = wait if again.wait is None else again.wait
                self.tell(f"{again.refusal.what}; another try in {seconds:g} s")
                self.clock.sleep(seconds)
                wait = min(2 * wait, limits.longest_wait)
                base = min(base, body.size)

    def _given_up(self, refusal: Refusal, tries: int) -> Refusal:
        return Unreachable(f"{refusal.what}, {tries} times in a row", hint=refusal.hint or "try again later")

    def _try(self, body: _Body, handle: int) -> bool:
        headers = {"Range": f"bytes={body.size}-", "If-Range": body.mark} if body.size and body.mark else {}
        try:
            with _open(self.url, headers, self.token, self.limits) as response:
                if response.status_code in ABSENT:
                    return False
                self._settle(response, body, handle)
                self._take(response, body, handle)
        except Unreachable as refusal:
            raise Again(refusal) from None
        return True

    def _settle(self, response: requests.Response, body: _Body, handle: int) -> None:
        """Read an answer's head: is it the file, the rest of it, or a reason to wait or to give up?"""
        status, heads, where = response.status_code, response.headers, http._where(response.url)
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
            _refuse(status, heads, where, self.clock, self.limits, authorised=self.token is not None)
        if body.total is not None and body.total > self.limits.most_bytes:
            raise self._too_large(where)

    def _take(self, response: requests.Response, body: _Body, handle: int) -> None:
        """Write the body block by block, watching its size and its speed."""
        where, limits, now = http._where(response.url), self.limits, self.clock.now
        began = told = now()
        mark = body.size
        os.lseek(handle, body.size, os.SEEK_SET)
        # read1 gives what one look at the socket gave; read would wait for a full block, however slowly it fills.
        while block := response.raw.read1(BLOCK, decode_content=False):
            body.add(handle, block)
            if body.size > limits.most_bytes:
                raise self._too_large(where)
            moment = now()
            if moment - told >= TOLD_EVERY:
                self.progress(body.size, body.total)
                told = moment
            if moment - began >= limits.window_seconds:
                if body.size - mark < limits.window_bytes:
                    raise Again(Unreachable(f"{where} sends almost nothing ({body.size - mark} bytes in 30 s)"))
                began, mark = moment, body.size
        if body.total is not None and body.size < body.total:
            raise Again(Unreachable(f"the connection to {where} was cut at {body.size} of {body.total} bytes"))
        self.progress(body.size, body.size)

    def _too_large(self, where: str) -> OutsideRefused:
        return OutsideRefused(f"{where} sends more than {self.limits.most_bytes >> 20} MiB: that is no release archive")


def _refuse(
    status: int, heads: Mapping[str, str], where: str, clock: Clock, limits: Limits, *, authorised: bool
) -> None:
    """Turn an unwelcome status into a wait, or into the end."""
    wait = _asked_wait(heads, clock)
    limited = status == 429 or (status == 403 and (wait is not None or heads.get("x-ratelimit-remaining") == "0"))
    if limited:
        hint = "try again later" if authorised else "try again later, or export GITHUB_TOKEN=… for a larger allowance"
        refusal = OutsideRefused(f"{where} answered {status}: too many questions", hint=hint)
    else:
        refusal = OutsideRefused(f"{where} answered {status}", hint=_hint(status, authorised))
    if status not in PASSING and not limited:
        raise refusal
    if wait is not None and wait > limits.longest_patience:
        raise OutsideRefused(f"{refusal.what}; it asks to wait {wait:.0f} s", hint=refusal.hint)
    raise Again(refusal, wait)


def _hint(status: int, authorised: bool) -> str:
    if status == 401 and authorised:
        return "GITHUB_TOKEN is not accepted: unset it, or set one that is valid"
    return "try again later"


def _asked_wait(heads: Mapping[str, str], clock: Clock) -> float | None:
    """Give the seconds that a server asks us to wait; None when it does not.

    Source: RFC 9110, 10.2.3: seconds or a date; GitHub: `x-ratelimit-reset`, seconds since 1970
    """
    after, reset = heads.get("retry-after", "").strip(), heads.get("x-ratelimit-reset", "")
    if after.isdigit():
        return float(after)
    moment = None
    if after:
        try:
            moment = parsedate_to_datetime(after)
        except ValueError:
            return None
    elif heads.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        moment = datetime.fromtimestamp(int(reset[:12]), UTC)
    if moment is None:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - clock.wall()).total_seconds())


@contextmanager
def _open(url: str, headers: Mapping[str, str], token: Secret | None, limits: Limits) -> Iterator[requests.Response]:
    """Ask, following redirects by hand: the token stays with the first host, and HTTPS is never left for HTTP."""
    import requests
    from urllib3.exceptions import HTTPError

    sent = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "flowgate", **headers}
    here = url
    with requests.Session() as session:
        try:
            for _ in range(limits.redirects + 1):
                session.trust_env = not http.is_loopback(here)  # proxies and ~/.netrc
                mine = token is not None and _origin(here) == _origin(url)
                # An `auth` of our own keeps `requests` from putting a password of ~/.netrc over our header.
                auth = _Bearer(token) if token is not None and mine else None
                response = session.get(
                    here, headers=sent, auth=auth, timeout=limits.silence_seconds, allow_redirects=False, stream=True
                )
                if response.status_code not in REDIRECTS or "location" not in response.headers:
                    with response:
                        yield response
                    return
                response.close()
                here = _next(here, response.headers["location"])
        except (HTTPError, OSError, ValueError) as fault:  # every RequestException is an OSError
            raise http._refusal(fault, here, limits.silence_seconds) from None
    raise OutsideRefused(f"{http._where(url)} redirects in a circle")


class _Bearer:
    """Shows a token."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = http._plain("Authorization", self._token.bearer())
        return request


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _next(here: str, location: str) -> str:
    there = urljoin(here, location)
    parts = urlsplit(there)
    if parts.scheme not in ("http", "https") or (here.startswith("https:") and parts.scheme != "https"):
        what = f"{http._where(here)} redirects to an address that cannot be trusted ({parts.scheme}:)"
        raise OutsideRefused(what, hint="a proxy or a login page may be in the way")
    return there

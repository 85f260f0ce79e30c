"""HTTP requests with plain results; exceptions of `requests` are translated here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowgate.domain import Secret
from flowgate.errors import CheckFailed, StepContractError, UsageError
from flowgate.system import sockets
from flowgate.system.http_errors import http_error, redacted_url

if TYPE_CHECKING:
    import requests

__all__ = ["Headers", "Http", "Response", "Trusted", "header_value", "is_loopback", "redacted_url"]

Headers = Mapping[str, str | Secret]
EXCERPT = 300  # characters of an error response that are shown


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response.

    Attributes:
        status: The status code.
        headers: The headers; names in lower case.
        text: The decoded body.
        seconds: From the request to the last byte of the response.
        url: The URL of the request.
    """

    status: int
    headers: Mapping[str, str]
    text: str
    seconds: float
    url: str

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Parse the body as JSON.

        Returns:
            Plain data.

        Raises:
            CheckFailed: It is not JSON; the error shows the beginning of the body.
        """
        try:
            return json.loads(self.text)
        except ValueError:
            excerpt = repr(self.text[:80])
            what = f"{redacted_url(self.url)} returned {self.status} with a body that is not JSON: {excerpt}"
            raise CheckFailed(what) from None


@dataclass(frozen=True, slots=True)
class Trusted:
    """A server that also the read-only client may ask: its address, and the file of its CA (empty: the public CAs)."""

    url: str
    ca: str = ""

    def has(self, url: str) -> bool:
        """Return whether a URL leads to this server."""
        return f"{url}/".startswith(f"{self.url}/")


class Http:
    """An HTTP client that follows no redirects and uses no proxy for loopback addresses.

    In every method `timeout` is the seconds to connect, and the longest silence while the response is read.
    """

    def __init__(self, read_only: bool = False, trusted: Trusted | None = None, ca: str = "") -> None:
        """Create a client.

        Args:
            read_only: Refuse all requests but GET to loopback addresses, and to the trusted server.
            trusted: A server that belongs to the gateway though it runs elsewhere.
            ca: File of the only CAs whose certificates are accepted; empty: the public ones.
        """
        self._read_only, self._trusted, self._ca = read_only, trusted, ca

    def reading(self) -> Http:
        """Return the same client, which refuses everything but reading."""
        return Http(read_only=True, trusted=self._trusted, ca=self._ca)

    def get(self, url: str, *, headers: Headers | None = None, timeout: float = 5.0) -> Response:
        """Send a GET request.

        Raises:
            Unreachable: There was no complete response.
        """
        return self._send("GET", url, headers or {}, timeout)

    def post(self, url: str, body: object, *, headers: Headers | None = None, timeout: float = 60.0) -> Response:
        """Send a POST request with plain data as JSON.

        Raises:
            Unreachable: There was no complete response.
        """
        return self._send("POST", url, headers or {}, timeout, body)

    def delete(self, url: str, *, headers: Headers | None = None, timeout: float = 5.0) -> Response:
        """Send a DELETE request.

        Raises:
            Unreachable: There was no complete response.
        """
        return self._send("DELETE", url, headers or {}, timeout)

    def request(
        self, method: str, url: str, data: bytes | None, *, headers: Headers | None = None, timeout: float = 30.0
    ) -> Response:
        """Send a request with any method and body.

        Raises:
            Unreachable: There was no complete response.
        """
        return self._send(method, url, headers or {}, timeout, data or b"")

    def stream(self, url: str, body: object, *, headers: Headers | None = None, timeout: float = 60.0) -> Iterator[str]:
        """Send a POST request with JSON and yield the response's lines as they arrive.

        The request is sent when the first line is requested.

        Raises:
            CheckFailed: The status is not 2xx.
            Unreachable: There was no response, or the connection was cut.
        """
        self._check_allowed("POST", url)
        return self._lines(url, body, headers or {}, timeout)

    def _lines(self, url: str, body: object, headers: Headers, timeout: float) -> Iterator[str]:
        # Compressed lines would arrive late.
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity", **headers}
        with _open("POST", url, headers, timeout, body, self._verify(url)) as response:
            if not 200 <= response.status_code < 300:
                excerpt = _without_secrets(_text(response).strip(), headers)[:EXCERPT]
                raise CheckFailed(f"{redacted_url(url)} returned {response.status_code}: {excerpt}")
            rest = b""
            # Without chunked encoding `requests` waits until a block is full, however slowly; read single bytes then.
            for block in response.iter_content(None if getattr(response.raw, "chunked", False) else 1):
                *whole, rest = (rest + block).split(b"\n")
                yield from (line.rstrip(b"\r").decode(errors="replace") for line in whole)
            if rest:
                yield rest.decode(errors="replace")

    def _send(self, method: str, url: str, headers: Headers, timeout: float, body: object = None) -> Response:
        self._check_allowed(method, url)
        started = monotonic()
        with _open(method, url, headers, timeout, body, self._verify(url)) as response:
            text = _text(response)
        received = {name.lower(): value for name, value in response.headers.items()}
        return Response(response.status_code, received, text, monotonic() - started, url)

    def _check_allowed(self, method: str, url: str) -> None:
        known = is_loopback(url) or (self._trusted is not None and self._trusted.has(url))
        if self._read_only and not (method == "GET" and known):
            raise StepContractError(f"a step sent {method} {redacted_url(url)} in its read-only phase")

    def _verify(self, url: str) -> str | bool:
        """Return the file of the CAs to trust; True for the public ones."""
        own = self._trusted.ca if self._trusted and self._trusted.has(url) else ""
        return own or self._ca or True


def is_loopback(url: str) -> bool:
    """Return whether a URL points to this machine."""
    try:
        return sockets.is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def header_value(name: str, value: str | Secret) -> str:
    """Return a header's value as text.

    Args:
        name: The header, for the error.
        value: The value.

    Raises:
        UsageError: It contains a character that HTTP does not allow. (http.client would show the value.)
    """
    text = value.reveal() if isinstance(value, Secret) else value
    if not (text.isascii() and text.isprintable()):
        raise UsageError(f"the value of the header {name} contains a character that HTTP does not allow")
    return text


@contextmanager
def _open(
    method: str, url: str, headers: Headers, timeout: float, body: object, verify: str | bool = True
) -> Iterator[requests.Response]:
    """Send a request and keep the response open; exceptions of `requests` are translated, also while it is read."""
    import requests
    from urllib3.exceptions import HTTPError

    sent = {name: header_value(name, value) for name, value in headers.items()}
    data = body if isinstance(body, bytes) else None
    if method == "POST" and data is None:
        data = json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **sent}
    # A new session each time: a draining generation may just have closed a kept connection.
    with requests.Session() as session:
        session.trust_env = not is_loopback(url)  # proxies and ~/.netrc
        try:
            with session.request(
                *(method, url),
                headers=sent,
                data=data,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
                verify=verify,
            ) as response:
                yield response
        except (HTTPError, OSError) as error:  # every RequestException is an OSError
            raise http_error(error, url, timeout) from None


def _text(response: requests.Response) -> str:
    content_type = response.headers.get("content-type", "")
    encoding = (response.encoding or "utf-8") if "charset=" in content_type.lower() else "utf-8"
    try:
        return response.content.decode(encoding, errors="replace")
    except LookupError:  # an unknown charset
        return response.content.decode(errors="replace")


def _without_secrets(text: str, headers: Headers) -> str:
    """Remove the secrets that we sent: some servers repeat the key that they reject."""
    for value in headers.values():
        if isinstance(value, Secret):
            for secret in (value.reveal(), value.reveal().removeprefix("Bearer ")):
                text = text.replace(secret, "…") if secret else text
    return text

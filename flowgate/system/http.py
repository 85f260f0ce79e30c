"""HTTP: questions to addresses, answers as plain records; what `requests` raises stops here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowgate.domain import Secret
from flowgate.errors import CheckFailed, ResponseTimeout, StepContractError, Unreachable, UsageError

if TYPE_CHECKING:
    import requests

Headers = Mapping[str, str | Secret]
EXCERPT = 300  # characters of an unwelcome answer that are shown


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered.

    Attributes:
        headers: Names in lower case.
        seconds: From the question to the answer's last byte.
    """

    status: int
    headers: Mapping[str, str]
    text: str
    seconds: float
    url: str

    @property
    def ok(self) -> bool:
        """Say whether the status is one of 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Read the text as JSON.

        Raises:
            CheckFailed: , showing how the text begins.
        """
        try:
            return json.loads(self.text)
        except ValueError:
            what = (
                f"{redacted_url(self.url)} answered {self.status} with something that is not JSON: {self.text[:80]!r}"
            )
            raise CheckFailed(what) from None


class Http:
    """Ask servers. Redirects are not followed; a loopback address is never asked through a proxy.

    Attributes:
        looking: Refuse everything but GET to loopback.
    """

    def __init__(self, looking: bool = False) -> None:
        self._looking = looking

    def get(self, url: str, *, headers: Headers | None = None, timeout: float = 5.0) -> Response:
        """Ask with GET.

        Args:
            timeout: Seconds to connect, and seconds of silence before the answer counts as missing.

        Raises:
            Unreachable: See the message.
        """
        return self._ask("GET", url, headers or {}, timeout)

    def post(self, url: str, body: object, *, headers: Headers | None = None, timeout: float = 60.0) -> Response:
        """Ask with POST.

        Args:
            body: Plain data, sent as JSON.
            timeout: Seconds to connect, and seconds of silence before the answer counts as missing.

        Raises:
            Unreachable: See the message.
        """
        return self._ask("POST", url, headers or {}, timeout, body)

    def delete(self, url: str, *, headers: Headers | None = None, timeout: float = 5.0) -> Response:
        """Ask with DELETE.

        Args:
            timeout: Seconds to connect, and seconds of silence before the answer counts as missing.

        Raises:
            Unreachable: See the message.
        """
        return self._ask("DELETE", url, headers or {}, timeout)

    def request(
        self, method: str, url: str, data: bytes | None, *, headers: Headers | None = None, timeout: float = 30.0
    ) -> Response:
        """Ask in any way.

        Args:
            data: Sent as it is.
            timeout: Seconds to connect, and seconds of silence before the answer counts as missing.

        Raises:
            Unreachable: See the message.
        """
        return self._ask(method, url, headers or {}, timeout, data or b"")

    def stream(self, url: str, body: object, *, headers: Headers | None = None, timeout: float = 60.0) -> Iterator[str]:
        """Ask with POST and give the answer's lines as they come; the question is sent when the first is wanted.

        Args:
            timeout: Seconds to connect, and seconds of silence before the answer counts as missing.

        Raises:
            CheckFailed: The status is not 2xx.
            Unreachable: , also when the connection is cut midway.
        """
        self._allow("POST", url)
        return self._lines(url, body, headers or {}, timeout)

    def _lines(self, url: str, body: object, headers: Headers, timeout: float) -> Iterator[str]:
        plainly = {"Accept": "text/event-stream", "Accept-Encoding": "identity", **headers}  # packed lines come late
        with _open("POST", url, plainly, timeout, body) as response:
            if not 200 <= response.status_code < 300:
                excerpt = _hidden(_text(response).strip(), headers)[:EXCERPT]
                raise CheckFailed(f"{redacted_url(url)} answered {response.status_code}: {excerpt}")
            rest = b""
            # Unchunked, `requests` would wait for a block to fill, however slowly: take it byte by byte then.
            for block in response.iter_content(None if getattr(response.raw, "chunked", False) else 1):
                *whole, rest = (rest + block).split(b"\n")
                yield from (line.rstrip(b"\r").decode(errors="replace") for line in whole)
            if rest:
                yield rest.decode(errors="replace")

    def _ask(self, method: str, url: str, headers: Headers, timeout: float, body: object = None) -> Response:
        self._allow(method, url)
        began = monotonic()
        with _open(method, url, headers, timeout, body) as response:
            text = _text(response)
        found = {name.lower(): value for name, value in response.headers.items()}
        return Response(response.status_code, found, text, monotonic() - began, url)

    def _allow(self, method: str, url: str) -> None:
        if self._looking and not (method == "GET" and is_loopback(url)):
            raise StepContractError(f"a step wanted to {method} {redacted_url(url)} while looking")


def is_loopback(url: str) -> bool:
    """Say whether an address is on this machine."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdigit())


@contextmanager
def _open(method: str, url: str, headers: Headers, timeout: float, body: object) -> Iterator[requests.Response]:
    """Ask, and hold the answer open; every foreign exception, also while it is read, becomes ours."""
    import requests
    from urllib3.exceptions import HTTPError

    sent = {name: _plain(name, value) for name, value in headers.items()}
    data = body if isinstance(body, bytes) else None
    if method == "POST" and data is None:
        data = json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **sent}
    # A session of its own each time: a kept connection may be one that a leaving generation has just closed.
    with requests.Session() as session:
        session.trust_env = not is_loopback(url)  # proxies and ~/.netrc
        try:
            with session.request(
                method, url, headers=sent, data=data, timeout=timeout, allow_redirects=False, stream=True
            ) as response:
                yield response
        except (HTTPError, OSError) as fault:  # every RequestException is an OSError
            raise _refusal(fault, url, timeout) from None


def _plain(name: str, value: str | Secret) -> str:
    text = value.reveal() if isinstance(value, Secret) else value
    if not (text.isascii() and text.isprintable()):  # http.client would show the value in its complaint
        raise UsageError(f"the value for the header {name} holds a character that HTTP does not allow")
    return text


def _text(response: requests.Response) -> str:
    kind = response.headers.get("content-type", "")
    encoding = (response.encoding or "utf-8") if "charset=" in kind.lower() else "utf-8"
    try:
        return response.content.decode(encoding, errors="replace")
    except LookupError:  # a charset nobody knows
        return response.content.decode(errors="replace")


def _hidden(text: str, headers: Headers) -> str:
    """Take our own secrets out of what a server says: some repeat the key they refuse."""
    for value in headers.values():
        if isinstance(value, Secret):
            for word in (value.reveal(), value.reveal().removeprefix("Bearer ")):
                text = text.replace(word, "…") if word else text
    return text


def redacted_url(url: str) -> str:
    """Show an address without what may be secret in it: a password, a query."""
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "that address"
    return f"{host}:{port}{parts.path}"


def _refusal(fault: Exception, url: str, timeout: float) -> Unreachable | UsageError:
    import socket

    import requests

    where = redacted_url(url)
    address = where.partition("/")[0]
    kinds = tuple(_causes(fault))

    def caused_by(*types: type[BaseException]) -> bool:
        return any(isinstance(one, types) for one in kinds)

    if isinstance(fault, ValueError) and not isinstance(fault, requests.ConnectionError):
        return UsageError(f"{where} is no address that can be asked")
    if caused_by(ConnectionRefusedError):
        return Unreachable(f"nobody listens on {address}")
    if caused_by(socket.gaierror):
        return Unreachable(f"the name of {address} could not be found")
    if caused_by(requests.exceptions.SSLError):
        return Unreachable(f"{address} showed a certificate that cannot be trusted, or speaks no TLS")
    if caused_by(requests.exceptions.ProxyError):
        return Unreachable(f"the proxy to {address} did not let us through", fix="check HTTPS_PROXY and NO_PROXY")
    if caused_by(TimeoutError, requests.Timeout) or any("Timeout" in type(one).__name__ for one in kinds):
        return ResponseTimeout(f"no answer from {where} within {timeout:g} s")
    return Unreachable(f"the connection to {where} was cut")


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """Walk down to what really happened; urllib3 hides it in `reason`, in arguments, and in causes."""
    seen: list[BaseException] = []
    ahead: list[object] = [fault]
    while ahead:
        one = ahead.pop(0)
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            ahead += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
    yield from seen

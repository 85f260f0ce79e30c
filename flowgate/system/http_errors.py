"""Translate exceptions of `requests` and urllib3; show URLs without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from flowgate.errors import CertificateRefused, ResponseTimeout, Unreachable, UsageError


def redacted_url(url: str) -> str:
    """Return host, port and path of a URL, without what may be secret: a password, a query.

    Args:
        url: The URL.

    Returns:
        "127.0.0.1:4000/v1/models"; "that address" for an invalid URL.
    """
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "that address"
    return f"{host}:{port}{parts.path}"


def http_error(error: Exception, url: str, timeout: float) -> Unreachable | UsageError:
    """Translate an exception that `requests` or urllib3 raised.

    Args:
        error: The exception.
        url: The URL of the request.
        timeout: The timeout of the request, in seconds.

    Returns:
        UsageError for an invalid URL, ResponseTimeout for a timeout, CertificateRefused for TLS, else Unreachable.
    """
    import socket

    import requests

    where = redacted_url(url)
    address = where.partition("/")[0]
    causes = tuple(_causes(error))

    def caused_by(*types: type[BaseException]) -> bool:
        return any(isinstance(cause, types) for cause in causes)

    if isinstance(error, ValueError) and not isinstance(error, requests.ConnectionError):
        return UsageError(f"{where} is not a valid HTTP address")
    if caused_by(ConnectionRefusedError):
        return Unreachable(f"nothing listens on {address}")
    if caused_by(socket.gaierror):
        return Unreachable(f"the host name of {address} cannot be resolved")
    if reason := next((one for cause in causes if (one := getattr(cause, "verify_message", ""))), ""):
        return CertificateRefused(f"the certificate of {address} is refused: {reason.rstrip('.')}")
    if caused_by(requests.exceptions.SSLError):
        return CertificateRefused(f"{address} has a certificate that is not trusted, or does not use TLS")
    if caused_by(requests.exceptions.ProxyError):
        return Unreachable(f"the proxy refused a connection to {address}", fix="check HTTPS_PROXY and NO_PROXY")
    if caused_by(TimeoutError, requests.Timeout) or any("Timeout" in type(cause).__name__ for cause in causes):
        return ResponseTimeout(f"no response from {where} within {timeout:g} s")
    return Unreachable(f"the connection to {where} was cut")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes; urllib3 hides them in `reason`, in arguments and in `__cause__`."""
    seen: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        one = pending.pop(0)
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            pending += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
    yield from seen

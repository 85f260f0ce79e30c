"""Follow redirects by hand: a token goes to the first host only, and HTTPS never becomes HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from flowgate.domain import Secret
from flowgate.errors import EnvironmentFailure
from flowgate.system import http
from flowgate.system.http_errors import http_error

if TYPE_CHECKING:
    import requests

REDIRECTS = (301, 302, 303, 307, 308)


@contextmanager
def follow(
    url: str, headers: Mapping[str, str], token: Secret | None, *, timeout: float, max_redirects: int
) -> Iterator[requests.Response]:
    """Send a GET request, follow redirects and keep the response open.

    Exceptions of `requests` are translated, also while the body is read.

    Args:
        url: The first URL.
        headers: Headers for every host.
        token: A bearer token for the first URL's origin only.
        timeout: Seconds to connect, and the longest silence while the response is read.
        max_redirects: The largest number of redirects.

    Raises:
        Unreachable: A server cannot be reached.
        EnvironmentFailure: There are too many redirects, or one leads to an insecure address.
        UsageError: The URL is invalid.
    """
    import requests
    from urllib3.exceptions import HTTPError

    sent = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "flowgate", **headers}
    current = url
    with requests.Session() as session:
        try:
            for _ in range(max_redirects + 1):
                session.trust_env = not http.is_loopback(current)  # proxies and ~/.netrc
                # With `auth`, `requests` does not replace our header by a password from ~/.netrc.
                auth = _Bearer(token) if token is not None and _origin(current) == _origin(url) else None
                response = session.get(
                    current, headers=sent, auth=auth, timeout=timeout, allow_redirects=False, stream=True
                )
                if response.status_code not in REDIRECTS or "location" not in response.headers:
                    with response:
                        yield response
                    return
                response.close()
                current = _next(current, response.headers["location"])
        except (HTTPError, OSError, ValueError) as error:  # every RequestException is an OSError
            raise http_error(error, current, timeout) from None
    raise EnvironmentFailure(f"{http.redacted_url(url)} redirects more than {max_redirects} times")


class _Bearer:
    """An `auth` object of `requests` that adds a token."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = http.header_value("Authorization", self._token.bearer())
        return request


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _next(current: str, location: str) -> str:
    target = urljoin(current, location)
    scheme = urlsplit(target).scheme
    if scheme not in ("http", "https") or (current.startswith("https:") and scheme != "https"):
        what = f"{http.redacted_url(current)} redirects to an insecure address ({scheme}:)"
        raise EnvironmentFailure(what, fix="a proxy or a login page may intercept the download")
    return target

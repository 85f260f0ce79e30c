"""Follow redirects by hand: a token stays with the first host, and HTTPS is never left for HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from flowgate.domain import Secret
from flowgate.errors import EnvironmentFailure
from flowgate.system import http

if TYPE_CHECKING:
    import requests

REDIRECTS = (301, 302, 303, 307, 308)


@contextmanager
def follow(
    url: str, headers: Mapping[str, str], token: Secret | None, *, silence: float, redirects: int
) -> Iterator[requests.Response]:
    """Ask with GET, following redirects, and hold the answer open; also while it is read, exceptions become ours.

    Args:
        token: Shown to the first address only.
        silence: Seconds to connect, and between two bytes.
        redirects: How many are followed.

    Raises:
        Unreachable: See the message.
        EnvironmentFailure: See the message.
        UsageError: See the message.
    """
    import requests
    from urllib3.exceptions import HTTPError

    sent = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "flowgate", **headers}
    here = url
    with requests.Session() as session:
        try:
            for _ in range(redirects + 1):
                session.trust_env = not http.is_loopback(here)  # proxies and ~/.netrc
                mine = token is not None and _origin(here) == _origin(url)
                # An `auth` of our own keeps `requests` from putting a password of ~/.netrc over our header.
                auth = _Bearer(token) if token is not None and mine else None
                response = session.get(
                    here, headers=sent, auth=auth, timeout=silence, allow_redirects=False, stream=True
                )
                if response.status_code not in REDIRECTS or "location" not in response.headers:
                    with response:
                        yield response
                    return
                response.close()
                here = _next(here, response.headers["location"])
        except (HTTPError, OSError, ValueError) as fault:  # every RequestException is an OSError
            raise http._refusal(fault, here, silence) from None
    raise EnvironmentFailure(f"{http.redacted_url(url)} redirects in a circle")


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
        what = f"{http.redacted_url(here)} redirects to an address that cannot be trusted ({parts.scheme}:)"
        raise EnvironmentFailure(what, fix="a proxy or a login page may be in the way")
    return there

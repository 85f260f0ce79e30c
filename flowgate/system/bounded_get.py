"""One GET request to a program on this machine that may be slow, endless or no HTTP server at all."""

from __future__ import annotations

import http.client
from time import monotonic
from typing import NamedTuple

from flowgate.system.sockets import WILDCARDS

PIECE_BYTES = 65_536


class NoAnswer(Exception):
    """There was no complete response in time."""


class TooLarge(NoAnswer):
    """The body is larger than allowed."""


class Answer(NamedTuple):
    """A response.

    Attributes:
        status: Its status.
        body: Its body.
    """

    status: int
    body: bytes


def get(address: tuple[str, int], path: str, headers: dict[str, str], *, seconds: float, most_bytes: int) -> Answer:
    """Send a GET request, and read the response.

    Args:
        address: Host and port; a wildcard address means this machine.
        path: Path and query.
        headers: The headers.
        seconds: How long everything may take.
        most_bytes: The largest body to read.

    Raises:
        NoAnswer: There was no complete response in time, or none of HTTP.
        TooLarge: The body is larger than allowed.
    """
    host, port = address
    end = monotonic() + seconds
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=seconds)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, _body(connection, response, end, most_bytes))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(str(error) or type(error).__name__) from None
    finally:
        connection.close()


def _reachable(host: str) -> str:
    if host not in WILDCARDS:
        return host
    return "::1" if ":" in host else "127.0.0.1"


def _body(
    connection: http.client.HTTPConnection, response: http.client.HTTPResponse, end: float, most_bytes: int
) -> bytes:
    if (response.length or 0) > most_bytes:
        raise TooLarge(f"the response has more than {most_bytes // 10**6} MB")
    pieces, size = [], 0
    while piece := response.read1(PIECE_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            raise TooLarge(f"the response has more than {most_bytes // 10**6} MB")
        if monotonic() > end:
            raise NoAnswer("the response took too long")
        if connection.sock is not None:
            connection.sock.settimeout(max(0.001, end - monotonic()))
    if response.length:
        raise NoAnswer("the response was cut")
    return b"".join(pieces)

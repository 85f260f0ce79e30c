"""One GET request to a program on this machine that may be slow, endless or no HTTP server at all."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import suppress
from typing import NamedTuple

from flowgate.system.sockets import WILDCARDS


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
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=seconds)
    late = threading.Event()
    limit = threading.Timer(seconds, _cut, (connection, late))  # a timeout of the socket begins anew with every byte
    try:
        connection.connect()
        limit.start()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, _body(response, most_bytes))
    except TooLarge:
        raise
    except (NoAnswer, OSError, http.client.HTTPException, ValueError) as error:
        why = "it took too long" if late.is_set() else str(error) or type(error).__name__
        raise NoAnswer(f"there was no complete answer: {why}") from None
    finally:
        limit.cancel()
        connection.close()


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    with suppress(OSError, AttributeError):  # it has just ended
        connection.sock.shutdown(socket.SHUT_RDWR)


def _reachable(host: str) -> str:
    if host not in WILDCARDS:
        return host
    return "::1" if ":" in host else "127.0.0.1"


def _body(response: http.client.HTTPResponse, most_bytes: int) -> bytes:
    body = b"" if (response.length or 0) > most_bytes else response.read(most_bytes + 1)
    if len(body) > most_bytes or (response.length or 0) > most_bytes:
        raise TooLarge(f"the response has more than {most_bytes // 10**6} MB")
    if response.length:
        raise NoAnswer("it was cut")
    return body

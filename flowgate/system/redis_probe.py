"""Ask a Redis server whether it answers, and whether it is full; nothing is written to it.

Source: the Redis protocol (RESP2): a command is an array of strings; an answer begins with `+`, `-`, `:` or `$`.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import BinaryIO

from flowgate.domain import Secret

FULL, REFUSES, SILENT, ANSWERS = "full", "refuses", "silent", "answers"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where a Redis server is.

    Attributes:
        host: Its host.
        port: Its port.
        password: Its password; None if it needs none.
        user: Its user; empty for the default one.
        tls: Whether it speaks TLS.
    """

    host: str
    port: int
    password: Secret | None = None
    user: str = ""
    tls: bool = False

    def __str__(self) -> str:
        """Return host and port."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RedisState:
    """What a Redis server answered.

    Attributes:
        state: "answers", "silent", "refuses" (the password) or "full".
        seconds: Until its answer, or until no more was waited.
        detail: Why, in a few words.
    """

    state: str
    seconds: float
    detail: str = ""


def ask(address: RedisAddress, timeout: float) -> RedisState:
    """Send PING, and ask for its memory.

    Args:
        address: Where it is.
        timeout: Seconds without an answer after which it counts as silent.
    """
    began = time.monotonic()

    def state(name: str, detail: str = "") -> RedisState:
        return RedisState(name, time.monotonic() - began, detail)

    try:
        with _connect(address, timeout) as connection, connection.makefile("rb") as answers:
            if address.password is not None:
                words = (address.user, address.password.reveal()) if address.user else (address.password.reveal(),)
                connection.sendall(_command("AUTH", *words))
                if not _line(answers).startswith(b"+"):
                    return state(REFUSES, "it refuses the password")
            connection.sendall(_command("PING"))
            if not _line(answers).startswith(b"+"):
                return state(REFUSES, "it wants a password, or is no Redis server")
            found = state(ANSWERS)
            connection.sendall(_command("INFO", "memory"))
            head = answers.readline()
            length = int(head[1:]) if head[:1] == b"$" and head[1:].strip().isdigit() else 0
            detail = _fullness(answers.read(length).decode(errors="replace"))
            return RedisState(FULL, found.seconds, detail) if detail else found
    except ConnectionRefusedError:
        return state(SILENT, "nothing listens there")
    except TimeoutError:
        return state(SILENT, f"no answer within {timeout:g} s")
    except (OSError, ValueError) as error:  # a name that is not known, a broken connection, an invalid certificate
        return state(SILENT, getattr(error, "strerror", None) or "the connection was cut")


def _connect(address: RedisAddress, timeout: float) -> socket.socket:
    connection = socket.create_connection((address.host, address.port), timeout)
    if not address.tls:
        return connection
    import ssl  # most servers are asked without it

    try:
        return ssl.create_default_context().wrap_socket(connection, server_hostname=address.host)
    except OSError:
        connection.close()
        raise


def _line(answers: BinaryIO) -> bytes:
    """Read a line; a proxy whose server is away ends the connection without one."""
    line = answers.readline()
    if not line:
        raise ConnectionResetError
    return line


def _command(*words: str) -> bytes:
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()


def _fullness(info: str) -> str:
    """Return why a server refuses to store anything; empty if it does not."""
    found = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    used, limit = (int(found.get(name) or 0) for name in ("used_memory", "maxmemory"))
    if not limit or used < limit or found.get("maxmemory_policy") != "noeviction":
        return ""
    return f"it uses {used} of {limit} bytes and evicts nothing (maxmemory-policy noeviction)"

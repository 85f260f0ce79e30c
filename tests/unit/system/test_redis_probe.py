"""What a Redis server answers: nothing, a refusal, that it is full, or that it works."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flowgate.domain import Secret
from flowgate.system.redis_probe import RedisAddress, ask
from tests.conftest import free_port

WORKS = {b"PING": b"+PONG\r\n", b"AUTH": b"+OK\r\n", b"INFO": b"$17\r\nused_memory:100\r\n\r\n"}
CUT = b"cut"  # in place of an answer
FULL_INFO = b"used_memory:100\r\nmaxmemory:10\r\nmaxmemory_policy:noeviction\r\n"
EVICTS_INFO = FULL_INFO.replace(b"noeviction", b"allkeys-lru")


@contextmanager
def server(answers: dict[bytes, bytes]) -> Iterator[int]:
    """Run a server that knows these commands, and says nothing to others."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client, client.makefile("rb") as lines:
            for line in lines:
                if (answer := answers.get(line.strip(), b"")) == CUT:
                    return
                client.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)


def info(text: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text), text)


@pytest.mark.parametrize(
    "answers, state, detail",
    [
        (WORKS, "answers", ""),
        (WORKS | {b"INFO": info(EVICTS_INFO)}, "answers", ""),
        (WORKS | {b"INFO": b"-NOPERM no permissions\r\n"}, "answers", ""),
        (WORKS | {b"INFO": info(FULL_INFO)}, "full", "evicts nothing"),
        (WORKS | {b"AUTH": b"-WRONGPASS invalid\r\n"}, "refuses", "refuses the password"),
        (WORKS | {b"PING": b"-NOAUTH required\r\n"}, "refuses", "wants a password"),
        ({b"PING": CUT, b"AUTH": b"+OK\r\n"}, "silent", "the connection was cut"),
        ({b"AUTH": CUT}, "silent", "the connection was cut"),
        ({}, "silent", "no answer within 0.2 s"),
    ],
)
def test_each_answer_is_a_state(answers: dict[bytes, bytes], state: str, detail: str) -> None:
    with server(answers) as port:
        found = ask(RedisAddress("127.0.0.1", port, Secret("a-password")), 60.0 if answers else 0.2)
    assert found.state == state
    assert detail in found.detail


def test_a_closed_port_is_silent_at_once() -> None:
    found = ask(RedisAddress("127.0.0.1", free_port()), 60.0)
    assert (found.state, found.detail) == ("silent", "nothing listens there")
    assert found.seconds < 30.0


def test_a_name_that_nobody_knows_is_silent() -> None:
    assert ask(RedisAddress("redis.invalid", 6379), 5.0).state == "silent"


def test_the_password_is_in_no_text_of_the_result() -> None:
    with server(WORKS | {b"AUTH": b"-WRONGPASS sk-canary-77\r\n"}) as port:
        found = ask(RedisAddress("127.0.0.1", port, Secret("sk-canary-77")), 60.0)
    assert "canary" not in repr(found)

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from flowgate.system import sockets
from flowgate.system.blockable_proxy import BlockableProxy
from tests.conftest import wait


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends everything back twice."""
    listener = sockets.listen("127.0.0.1", 0)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with sock:
                    while message := sock.recv(100):
                        sock.sendall(message * 2)

    thread = threading.Thread(target=serve)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def send(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(data)
        return sock.recv(100)


def test_an_open_proxy_forwards(echo: int) -> None:
    proxy = BlockableProxy(echo)
    try:
        assert (send(proxy.port, b"ab"), proxy.blocked_at) == (b"abab", [])
    finally:
        proxy.close()


def test_a_blocked_proxy_resets_and_records_every_connection(echo: int) -> None:
    proxy = BlockableProxy(echo)
    try:
        proxy.block()
        for _ in range(3):
            with contextlib.suppress(ConnectionError):
                assert send(proxy.port, b"ab") == b""
        assert wait(lambda: len(proxy.blocked_at) == 3)
    finally:
        proxy.close()


def test_blocking_a_proxy_cuts_open_connections(echo: int) -> None:
    proxy = BlockableProxy(echo)
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as sock:
            sock.sendall(b"a")
            assert sock.recv(10) == b"aa"
            proxy.block()
            with contextlib.suppress(ConnectionError):
                assert sock.recv(10) == b""
    finally:
        proxy.close()

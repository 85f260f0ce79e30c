"""The readiness probe: it is repeated after a failure, with a longer timeout after a silence."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from flowgate.supervisor import probe
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.probe import Probe
from flowgate.system.clock import Clock
from tests.conftest import free_port

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
Act = Callable[[int, socket.socket], None]


@dataclass
class Server:
    """Calls `act` with each connection and its number; keeps the requests."""

    act: Act
    requests: list[bytes] = field(default_factory=list)
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    is_over: bool = False

    def serve(self) -> None:
        while not self.is_over:
            connection, _ = self.listener.accept()
            with connection:
                if request := connection.recv(4096):
                    self.requests.append(request)
                    self.act(len(self.requests) - 1, connection)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.listener.getsockname()[1])


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers, and ends them afterwards."""
    running: list[tuple[Server, threading.Thread]] = []

    def begin(act: Act, listener: socket.socket | None = None) -> Server:
        server = Server(act, listener=listener) if listener else Server(act)
        thread = threading.Thread(target=server.serve)
        thread.start()
        running.append((server, thread))
        return server

    yield begin
    for server, thread in running:
        server.is_over = True
        socket.create_connection(server.address).close()
        thread.join()
        server.listener.close()


def wait_for(
    address: tuple[str, int],
    seconds: float = 60.0,
    meanwhile: Callable[[], None] = lambda: None,
    path: str | None = "/healthz",
) -> bool:
    """Probe until the address is ready or the time is over; call `meanwhile` a tenth of a second after the start."""
    loop, found = Loop(Clock()), list[bool]()

    def ready() -> None:
        found.append(True)
        loop.running = False

    probing = Probe(loop, address, path, lambda: True, ready)
    probing.send()
    loop.after(0.1, meanwhile)
    loop.after(seconds, lambda: setattr(loop, "running", False))
    loop.run()
    probing.close()  # an open connection would be reported as a warning in a later test
    return bool(found)


def test_the_probe_requests_the_given_path(serve: Serve) -> None:
    server = serve(lambda number, connection: connection.sendall(OK))
    assert wait_for(server.address)
    assert server.requests[0].startswith(b"GET /healthz HTTP/1.1\r\n")


def test_without_a_path_a_program_is_ready_when_it_accepts_connections() -> None:
    address = ("127.0.0.1", free_port())
    assert not wait_for(address, 0.1, path="")
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        silent.bind(address)
        assert wait_for(address, meanwhile=silent.listen, path="")


@pytest.mark.parametrize("miss", [b"HTTP/1.1 503 No\r\n\r\n", b"HTTP/1.1 404 No\r\n\r\n", b""])
def test_a_failed_probe_is_repeated(serve: Serve, miss: bytes) -> None:
    server = serve(lambda number, connection: connection.sendall(OK if number else miss))
    assert wait_for(server.address)
    assert len(server.requests) >= 2


def test_a_program_that_listens_later_becomes_ready(serve: Serve) -> None:
    address = ("127.0.0.1", free_port())
    assert not wait_for(address, 0.1)
    later = socket.socket()
    later.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    later.bind(address)

    def listen() -> None:
        later.listen()
        serve(lambda number, connection: connection.sendall(OK), later)

    assert wait_for(address, meanwhile=listen)


def test_the_timeout_grows_for_a_slow_program(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 0.05)  # a fortieth
    timeouts, send = list[float](), Probe.send

    def note(one: Probe) -> None:
        timeouts.append(one._timeout)
        send(one)

    def slowly(number: int, connection: socket.socket) -> None:
        if number < 3:
            connection.recv(1)  # returns when the client gives up
        else:
            connection.sendall(OK)

    monkeypatch.setattr(Probe, "send", note)
    server = serve(slowly)
    assert wait_for(server.address)
    assert len(server.requests) >= 4
    assert timeouts[:4] == [0.05, 0.1, 0.2, 0.4]

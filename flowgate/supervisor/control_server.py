"""The supervisor's control socket: it accepts commands, reads their requests and sends the replies."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection
from pathlib import Path

from flowgate.errors import FlowGateError
from flowgate.supervisor.protocol import CHUNK_BYTES, SOCKET_NAME, Reply, encode
from flowgate.supervisor.requests import ClientConnection, Requests, Wait
from flowgate.supervisor.service_state import Abandon, Note
from flowgate.supervisor.supervisor import Supervisor
from flowgate.system import files, sockets

SEND_SECONDS = 5.0


class ControlServer:
    """The control socket of one supervisor, and the commands connected to it."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._requests = Requests(supervisor)
        self._connections = self._requests.connections
        self._path: Path = sockets.unix_path(supervisor.folder, SOCKET_NAME)
        self._listener: socket.socket | None = None
        self._inode = 0
        self._obstacle = ""

    # --- the socket

    def open(self) -> None:
        """Listen on the control socket."""
        self._watch(sockets.listen_unix(self._path))

    def _watch(self, listener: socket.socket) -> None:
        self._listener, self._obstacle = listener, ""
        self._inode = self._path.stat().st_ino
        self._supervisor.loop.watch(self._listener, self._accept)

    def restore_socket(self) -> None:
        """Listen again when the file of the socket was deleted."""
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                return
        try:
            files.make_private_folder(self._supervisor.folder)
            listener = sockets.listen_unix(self._path)
        except FlowGateError as error:  # tried again in the next round
            if error.what != self._obstacle:
                self._supervisor.journal.log(f"the control socket was deleted and cannot be created: {error.what}")
            self._obstacle = error.what
            return
        if self._listener is not None:
            self._supervisor.loop.forget(self._listener)
        self._watch(listener)
        self._supervisor.journal.log("the control socket was deleted; created again")

    def close(self) -> None:
        """Stop listening, remove the socket, and cut the connections."""
        for connection in self._connections:
            connection.sock.close()
        if self._listener is not None:
            self._supervisor.loop.forget(self._listener)
        files.discard(self._path)

    # --- connections

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            sock, _ = self._listener.accept()
        except OSError:  # cut before it was accepted
            return
        connection = ClientConnection(sock)
        self._connections.append(connection)
        self._supervisor.loop.watch(sock, lambda: self._read(connection))

    def _read(self, connection: ClientConnection) -> None:
        try:
            data = connection.sock.recv(CHUNK_BYTES)
            requests = connection.lines.feed(data)
        except (OSError, ValueError):
            data, requests = b"", []
        if not data:
            self._disconnect(connection)
            return
        for request in requests:
            connection.request_id, connection.wait = request.get("id"), None
            result = self._requests.handle(connection, request)
            if isinstance(result, Wait):
                self._wait(connection, result)
            else:
                self._reply(connection, result)
        self._supervisor.advance()

    def _disconnect(self, connection: ClientConnection) -> None:
        self._supervisor.loop.forget(connection.sock)
        self._supervisor.loop.drop(connection)
        if connection in self._connections:
            self._connections.remove(connection)
        for service, number in connection.leases:
            self._supervisor.enqueue(service, Abandon(number))
        self._supervisor.advance()

    # --- replies

    def _reply(self, connection: ClientConnection, reply: Reply) -> None:
        connection.wait = None
        self._supervisor.loop.drop(connection)
        connection.sock.settimeout(SEND_SECONDS)
        with contextlib.suppress(OSError):  # a client that has gone is noticed by its closed connection
            connection.sock.sendall(encode({**reply, "id": connection.request_id}))

    def _wait(self, connection: ClientConnection, wait: Wait) -> None:
        reply = wait.look()
        if reply is not None:
            self._reply(connection, reply)
            return
        connection.wait = wait

        def expire() -> None:
            if connection.wait is wait:
                self._reply(connection, {"ok": False, "late": True, "error": f"not within {wait.timeout:g} s"})

        self._supervisor.loop.after(wait.timeout, expire, about=connection)

    # --- for the supervisor (`Clients`)

    def answer_waiting(self) -> None:
        """Reply to the clients whose wait is over."""
        for connection in list(self._connections):
            reply = connection.wait.look() if connection.wait else None
            if reply is not None:
                self._reply(connection, reply)

    def held_services(self) -> Collection[str]:
        """Return the services whose new requests a client wants to be held."""
        return {service for connection in self._connections for service in connection.holds}

    def inherit_lease(self, service: str, old: int, new: int) -> None:
        """Lease a respawned generation to the client that leased the crashed one."""
        for connection in self._connections:
            if (service, old) in connection.leases:
                connection.leases.add((service, new))

    def add_ending(self, service: str, note: Note) -> None:
        """Keep how a generation ended, for a wait that comes later."""
        self._requests.add_ending(service, note)

    def is_connected(self) -> bool:
        """Return whether a client is connected."""
        return bool(self._connections)

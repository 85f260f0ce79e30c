"""What commands may ask of the keeper, and how they are answered.

A visitor is one connection. What it starts is *leased* to it until it says `keep`: when the connection is cut before
that (Ctrl-C, kill -9), what it started is taken down again.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.errors import FlowGateError
from flowgate.supervisor import status
from flowgate.supervisor.protocol import SOCKET_NAME, Lines, Message, encode, from_tree
from flowgate.supervisor.service_state import Abandon, Discard, Keep, Note, Promote, Start, Stop
from flowgate.system import sockets

if TYPE_CHECKING:
    from flowgate.supervisor.supervisor import Key, Supervisor
    from flowgate.supervisor.worker_process import Running

HEED_SECONDS = 1.0  # how long a generation that was told to drain is waited for
REMEMBERED = 20  # endings kept a service, for waits that come late


@dataclass(slots=True, eq=False)
class ClientConnection:
    """One connection, its leases, and the question it waits on.

    Attributes:
        holds: Services whose new questions wait until it lets them, or goes.
        question: The id of the question asked last; a new question ends the wait for an older one.
    """

    sock: socket.socket
    lines: Lines = field(default_factory=Lines)
    leases: set[tuple[str, int]] = field(default_factory=set)
    holds: set[str] = field(default_factory=set)
    waiting: Callable[[], Message | None] | None = None
    asked: int = 0
    question: object = None


class ControlServer:
    """Everybody who is connected to the keeper's socket."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.present: list[ClientConnection] = []
        self.endings: dict[Key, Note] = {}
        self.listener: socket.socket | None = None
        self.path: Path = sockets.unix_path(supervisor.folder, SOCKET_NAME)
        self.inode = 0

    # --- the door

    def open_doors(self) -> None:
        """Listen on the keeper's socket."""
        self.listener = sockets.listen_unix(self.path)
        self.inode = self.path.stat().st_ino
        self.supervisor.loop.watch(self.listener, self._welcome)

    def put_back(self) -> None:
        """Listen anew when somebody deleted the socket."""
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_ino == self.inode:
                return
        self.supervisor.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.listener is not None:
            self.supervisor.loop.forget(self.listener)
        self.open_doors()
        self.supervisor.journal.say("the socket had been deleted; put back")

    def close_doors(self) -> None:
        """Stop listening and remove the socket."""
        if self.listener is not None:
            self.supervisor.loop.forget(self.listener)
        self.path.unlink(missing_ok=True)

    def _welcome(self) -> None:
        if self.listener is None:
            return
        try:
            sock, _ = self.listener.accept()
        except OSError:  # cut again before it was accepted
            return
        connection = ClientConnection(sock)
        self.present.append(connection)
        self.supervisor.loop.watch(sock, lambda: self._hear(connection))

    def _hear(self, connection: ClientConnection) -> None:
        try:
            data = connection.sock.recv(262_144)
            messages = connection.lines.feed(data)
        except (OSError, ValueError):
            data, messages = b"", []
        if not data:
            self._farewell(connection)
            return
        for message in messages:
            self._obey(connection, message)
        self.supervisor.pump()

    def _farewell(self, connection: ClientConnection) -> None:
        self.supervisor.loop.forget(connection.sock)
        self.supervisor.loop.drop(connection)
        if connection in self.present:
            self.present.remove(connection)
        for service, number in connection.leases:
            self.supervisor.happen(service, Abandon(number))
        self.supervisor.pump()

    # --- verbs

    def _obey(self, connection: ClientConnection, message: Message) -> None:
        verbs: Mapping[str, Callable[[ClientConnection, Message], Message | None]] = {
            "hello": lambda _v, _m: {"ok": True},
            "status": lambda _v, _m: status.status(self.supervisor),
            "matches": lambda _v, m: self._matches(m),
            "start": self._start,
            "wait": self._wait,
            "promote": self._promote,
            "discard": self._dismiss,
            "stop": self._stop,
            "finish": self._finish,
            "hold": self._hold,
            "let": self._let,
        }
        verb = verbs.get(str(message.get("verb")))
        connection.question, connection.waiting = message.get("id"), None
        try:
            reply = (
                verb(connection, message) if verb else {"ok": False, "error": f"unknown verb {message.get('verb')!r}"}
            )
        except FlowGateError as error:
            reply = {"ok": False, "error": error.what, "fix": error.fix}
        except (KeyError, TypeError, ValueError) as fault:
            reply = {"ok": False, "error": f"a message that makes no sense: {fault!r}"}
        if reply is not None:
            self._reply(connection, reply)

    def _reply(self, connection: ClientConnection, reply: Message) -> None:
        connection.waiting = None
        self.supervisor.loop.drop(connection)
        connection.sock.settimeout(5.0)
        with contextlib.suppress(OSError):  # a visitor that has gone is noticed by its closed connection
            connection.sock.sendall(encode({**reply, "id": connection.question}))

    def answer(self) -> None:
        """Answer the visitors whose wait is over."""
        for connection in list(self.present):
            reply = connection.waiting() if connection.waiting else None
            if reply is not None:
                self._reply(connection, reply)

    def _until(
        self, connection: ClientConnection, seconds: float, look: Callable[[], Message | None]
    ) -> Message | None:
        reply = look()
        if reply is not None:
            return reply
        connection.waiting = look
        connection.asked += 1
        this = connection.asked

        def late() -> None:
            if connection.asked == this and connection.waiting is look:
                self._reply(connection, {"ok": False, "late": True, "error": f"not within {seconds:g} s"})

        self.supervisor.loop.after(seconds, late, about=connection)
        return None

    def _matches(self, message: Message) -> Message:
        program = from_tree(message["program"])
        state = self.supervisor.states.get(program.service)
        newest = state.newest() if state else None
        known = self.supervisor.programs.get((program.service, newest.number)) if newest else None
        same = known is not None and known.digest == program.digest and dict(known.env) == dict(program.env)
        return {"ok": True, "same": same, "generation": newest.number if newest else None}

    def _start(self, connection: ClientConnection, message: Message) -> Message:
        found = self._matches(message)
        if found["same"] and not message.get("fresh"):
            return found
        program = from_tree(message["program"])
        state = self.supervisor.state(program)
        number = state.numbered + 1
        self.supervisor.programs[program.service, number] = program
        connection.leases.add((program.service, number))
        self.supervisor.happen(program.service, Start())
        return {"ok": True, "same": False, "generation": number}

    def _wait(self, connection: ClientConnection, message: Message) -> Message | None:
        service, number = message["service"], int(message["generation"])
        phases = ("serving", "draining") if message.get("for") == "serving" else ("ready", "serving", "draining")

        def look() -> Message | None:
            state = self.supervisor.states.get(service)
            found = state.find(number) if state else None
            if found is not None and found.phase in phases and not self._still_accepts(service):
                return {"ok": True, "phase": found.phase}
            if found is None and not self._is_coming(service, number):
                ending = self.endings.get((service, number))
                return {"ok": False, "failed": True, "error": ending.detail if ending else "it is not running"}
            return None

        return self._until(connection, float(message["timeout"]), look)

    def _still_accepts(self, service: str) -> bool:
        """Say whether an older generation could still take a new client: it has only just been told to drain."""
        now = self.supervisor.clock.now()
        told = [
            r for (name, _), r in self.supervisor.running.items() if name == service and r.drained_since is not None
        ]
        return any(r.accepts and r.control is not None and now - (r.drained_since or 0) < HEED_SECONDS for r in told)

    def _is_coming(self, service: str, number: int) -> bool:
        """Say whether a start of that generation still lies in the queue."""
        state = self.supervisor.states.get(service)
        return state is not None and number > state.numbered

    def _promote(self, connection: ClientConnection, message: Message) -> Message | None:
        service, number, wanted = message["service"], int(message["generation"]), message["digest"]
        program = self.supervisor.programs.get((service, number))
        if program is not None and program.digest != wanted:
            error = f"{service} generation {number} runs other settings ({program.digest}, not {wanted})"
            return {"ok": False, "refused": True, "error": error, "fix": "run the command again"}
        self.supervisor.happen(service, Promote(number))
        # From here on clients may be answered by it: cutting the connection must not take it away again.
        connection.leases.discard((service, number))
        return self._wait(connection, {**message, "for": "serving"})

    def _dismiss(self, connection: ClientConnection, message: Message) -> Message:
        key = message["service"], int(message["generation"])
        connection.leases.discard(key)
        self.supervisor.happen(key[0], Discard(key[1]))
        return {"ok": True}

    def _finish(self, connection: ClientConnection, message: Message) -> Message | None:
        """End a command: keep what it started, or take it down; leave at once when nothing is left to keep."""
        leases = set(connection.leases)
        connection.leases.clear()
        for service, number in leases:
            self.supervisor.happen(service, Keep(number) if message["keep"] else Abandon(number))

        def look() -> Message | None:
            states = self.supervisor.states
            if self.supervisor.queue or (not message["keep"] and any(states[name].find(n) for name, n in leases)):
                return None
            busy = any(state.generations or state.wanted for state in states.values())
            if not busy and self.present == [connection]:
                self.supervisor.loop.going = False
            return {"ok": True, "leaving": not self.supervisor.loop.going, "supervisor": os.getpid()}

        return self._until(connection, float(message.get("timeout", 60.0)), look)

    def _hold(self, connection: ClientConnection, message: Message) -> Message | None:
        """Hold new questions of a service, and wait for a moment in which nothing is under way.

        Returns:
            `busy` (answers under way when the time was up, else 0) and `oldest` (seconds).
        """
        service, began = message["service"], self.supervisor.clock.now()
        connection.holds.add(service)

        def generations() -> list[Running]:
            return [r for (name, _), r in self.supervisor.running.items() if name == service and r.control is not None]

        def told() -> Message:
            busy = [r for r in generations() if r.under_way]
            return {
                "ok": True,
                "busy": sum(r.under_way or 0 for r in busy),
                "oldest": max([r.oldest for r in busy], default=0),
            }

        def look() -> Message | None:
            current = all(r.counted_at >= began and r.under_way == 0 for r in generations())
            late = self.supervisor.clock.now() - began >= float(message["timeout"])
            return told() if current or late else None

        return self._until(connection, float(message["timeout"]) + 1.0, look)

    def _let(self, connection: ClientConnection, message: Message) -> Message:
        connection.holds.discard(message["service"])
        return {"ok": True}

    def holds(self) -> set[str]:
        """Name the services that somebody present wants held."""
        return {service for connection in self.present for service in connection.holds}

    def _stop(self, connection: ClientConnection, message: Message) -> Message | None:
        services = [name for name in message["services"] if name in self.supervisor.states]
        leaving = [r for (name, _), r in self.supervisor.running.items() if name in services]
        told = [{"service": r.program.service, "pid": r.identity.pid, "generation": r.number} for r in leaving]
        for name in services:
            self.supervisor.happen(name, Stop())
        # The leases stay: a command that is interrupted here still waits, at its `finish`, until they are gone.

        def look() -> Message | None:
            if any(self.supervisor.states[name].generations for name in services) or self.supervisor.queue:
                return None
            killed = [one.identity.pid for one in leaving if one.killed]
            return {"ok": True, "stopped": told, "killed": killed}

        return self._until(connection, float(message.get("timeout", 60.0)), look)

    def inherit(self, service: str, old: int, new: int) -> None:
        """Lease a revived generation to whoever had leased the one that crashed."""
        for connection in self.present:
            if (service, old) in connection.leases:
                connection.leases.add((service, new))

    # --- what is

    def remember(self, service: str, note: Note) -> None:
        """Keep how a generation ended, for a wait that comes after."""
        self.endings[service, note.number] = note
        while len(self.endings) > REMEMBERED:
            self.endings.pop(next(iter(self.endings)))

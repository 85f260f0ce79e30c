"""A command's connection to the supervisor of a runtime folder."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

from flowgate.errors import EnvironmentFailure, NotAnswering, Unreachable
from flowgate.supervisor import daemon_process
from flowgate.supervisor.protocol import CHUNK_BYTES, PROTOCOL_VERSION, SOCKET_NAME, Lines, Reply, Request, encode
from flowgate.system import files, sockets, unix_sockets
from flowgate.system.clock import Clock, poll

REPLY_SECONDS = 15.0  # for a reply that needs no waiting; a supervisor that takes longer hangs
HELLO_SECONDS = 5.0  # for the first reply: connecting included, a command that only looks waits no longer
RECOVER = "service.recover"
SOCKET_SECONDS = 5.0  # how long to wait for the socket of a running supervisor
SLICE_SECONDS = 0.2  # of a wait, where several threads wait or one can be interrupted


class Connection:
    """The connection of one command; tasks that run in parallel share it."""

    def __init__(self, runtime: Path, log_file: Path) -> None:
        self._runtime, self._log_file = runtime, log_file
        self._path = sockets.unix_path(runtime / "run", SOCKET_NAME)
        self._sock: socket.socket | None = None
        self._has_replaced = False
        self._silence: EnvironmentFailure | None = None
        self._lines = Lines[Reply]()
        self._last_id = 0
        self._awaited: set[int] = set()
        self._replies: dict[int, Reply] = {}
        self._lock = threading.RLock()

    # --- connecting

    @property
    def is_open(self) -> bool:
        """Return whether this command is connected."""
        return self._sock is not None

    def find(self) -> bool:
        """Connect to the supervisor if one runs.

        A supervisor that runs without its socket, because the file was deleted, creates it again.

        Raises:
            NotAnswering: It runs, but does not answer.
            EnvironmentFailure: Another program listens on its socket.
        """
        if self._connect() is None and daemon_process.find(self._runtime):
            poll(
                lambda: self._connect() or not daemon_process.find(self._runtime),
                Clock(),
                every=0.05,
                timeout=SOCKET_SECONDS,
            )
        return self.is_open

    def ensure(self) -> socket.socket:
        """Connect to the supervisor; start one if none runs."""
        return self._connect() or self._boot()

    def close(self) -> None:
        """Close the connection; the supervisor stops what was started and not kept."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def forget_silence(self) -> None:
        """Ask the supervisor again, although it did not answer this command."""
        self._silence = None

    def _connect(self) -> socket.socket | None:
        if self._silence is not None:  # one wait for each command, not one for each question
            raise self._silence
        if self._sock is None:
            self._require_socket()
            try:
                sock = sockets.connect_unix(self._path, HELLO_SECONDS)
            except Unreachable:  # so many commands wait already that no more can connect
                raise self._fell_silent(None) from None
            if sock is not None:
                return self._greet(sock)
            if daemon_process.replace_legacy(self._runtime):
                return self._boot()
        return self._sock

    def _require_socket(self) -> None:
        """Refuse anything else in the place of the socket, unless a supervisor that starts can replace it."""
        kind = unix_sockets.not_a_socket(self._path)
        if kind == "a folder" or (kind and daemon_process.find(self._runtime)):
            self._silence = NotAnswering(
                f"{self._path} is not a socket: it is {kind}", fix="move it away, then run the command again"
            )
            raise self._silence

    def _greet(self, sock: socket.socket) -> socket.socket | None:
        """Check that a supervisor responds, and its protocol; replace an older supervisor.

        A supervisor that is just leaving accepts a connection and then cuts it.
        """
        try:
            reply = daemon_process.exchange(sock, {"verb": "hello"}, HELLO_SECONDS)
        except TimeoutError:
            with sock:
                raise self._fell_silent(sock) from None
        protocol = reply.get("protocol", 0) if reply else None
        if protocol == PROTOCOL_VERSION:
            self._sock, self._lines = sock, Lines[Reply]()
            return sock
        with sock:
            if protocol is None:
                if stranger := daemon_process.find_stranger(sock, self._runtime):
                    raise EnvironmentFailure(
                        f"another program (pid {stranger}) listens on {self._path} and is no supervisor",
                        fix=f"stop it (kill {stranger}), then run the command again",
                    )
                return None
            if protocol > PROTOCOL_VERSION:
                raise EnvironmentFailure(
                    f"the supervisor of {self._runtime} was started by a newer FlowGate"
                    f" (protocol {protocol}; this FlowGate uses {PROTOCOL_VERSION})",
                    fix="use the newer FlowGate, or stop its services with it first: inv down",
                )
            if self._has_replaced:  # else two installations would replace each other without end
                raise EnvironmentFailure(
                    f"the supervisor of {self._runtime} is of an older FlowGate (protocol {protocol}) again",
                    fix="check which FlowGate other commands on this runtime folder use",
                )
            self._has_replaced = True
            if process := daemon_process.find(self._runtime):
                daemon_process.replace(process, sock)
        return self._boot()

    def _fell_silent(self, sock: socket.socket | None) -> EnvironmentFailure:
        """Remember that nobody answers, and return the error that says who."""
        stranger = daemon_process.find_stranger(sock, self._runtime) if sock is not None else None
        found = daemon_process.find(self._runtime)
        if stranger is not None:
            what = f"another program (pid {stranger}) listens on {self._path} and has not answered for"
            fix = f"stop it (kill {stranger}), then run the command again"
            self._silence = EnvironmentFailure(f"{what} {HELLO_SECONDS:g} s", fix=fix)
        else:
            who = f"the supervisor{f' (pid {found.pid})' if found else ''}"
            what = f"{who} has not answered for {HELLO_SECONDS:g} s; what it started may serve all the same"
            self._silence = NotAnswering(what, fix=f"inv {RECOVER}, which replaces it and loses no request")
        return self._silence

    def _boot(self) -> socket.socket:
        """Start a supervisor; wait for the socket of one that runs already."""
        for _ in range(3):
            state = (
                "taken" if daemon_process.find(self._runtime) else daemon_process.start(self._runtime, self._log_file)
            )
            if state not in ("ready", "taken"):
                break
            # "taken": the supervisor of another command is just starting or leaving, or its socket was deleted.
            sock = poll(self._connect, Clock(), every=0.02, timeout=0.0 if state == "ready" else SOCKET_SECONDS)
            if sock is not None:
                return sock
        raise EnvironmentFailure(
            "the supervisor did not start", fix=f"its log is {self._log_file}", log=files.tail(self._log_file, 10)
        )

    # --- requests

    def request(self, request: Request, *, timeout: float = REPLY_SECONDS, check: bool = True) -> Reply:
        """Send a request and wait for its reply.

        Args:
            request: The request; its id is added here.
            timeout: Seconds to wait.
            check: Raise an error for a reply that is not ok.

        Raises:
            Unreachable: The supervisor did not reply in time, or went away.
            EnvironmentFailure: The supervisor could not carry out the request.
        """
        with self._lock:
            sock = self.ensure()
            self._last_id += 1
            number = self._last_id
        self._awaited.add(number)
        try:
            sock.sendall(encode({**request, "id": number}))
            reply = self._wait_for_reply(sock, number, timeout)
        except (OSError, ValueError) as fault:
            self.close()
            why = "did not reply in time to" if isinstance(fault, TimeoutError) else "went away during"
            raise Unreachable(
                f"the supervisor {why} the request '{request['verb']}'",
                fix=f"run the command again, or inv {RECOVER}; what it left running is found and adopted",
                log=files.tail(self._log_file, 5),
            ) from None
        finally:
            self._awaited.discard(number)
            self._replies.pop(number, None)
        if check and not reply["ok"]:
            raise EnvironmentFailure(str(reply.get("error")), fix=reply.get("fix") or "")
        return reply

    def _wait_for_reply(self, sock: socket.socket, number: int, timeout: float) -> Reply:
        """Wait for one reply; whichever thread reads keeps the replies for the others."""
        until = time.monotonic() + timeout
        while number not in self._replies:
            with self._lock:
                if number not in self._replies:
                    self._read(sock, until)
            if number not in self._replies:
                time.sleep(0.001)  # lets the thread whose reply has just been read continue
        return self._replies[number]

    def _read(self, sock: socket.socket, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        is_main = threading.current_thread() is threading.main_thread()
        sock.settimeout(left if is_main and len(self._awaited) == 1 else min(left, SLICE_SECONDS))
        try:
            data = sock.recv(CHUNK_BYTES)
        except TimeoutError:
            return
        if not data:
            raise ConnectionResetError
        for reply in self._lines.feed(data):
            number = reply.get("id")
            if number in self._awaited:  # other replies belong to requests that were interrupted
                self._replies[number] = reply

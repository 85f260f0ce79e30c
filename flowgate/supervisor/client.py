"""Ask the keeper; start it when it is absent.

One connection a command. What the command starts is leased to it until `keep`, so a command that dies leaves nothing
behind that it did not mean to leave.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowgate.errors import DiskError, EnvironmentFailure, NotReady, Unreachable
from flowgate.supervisor import orphans
from flowgate.supervisor.protocol import LOCK_NAME, SOCKET_NAME, Lines, Message, encode, to_tree
from flowgate.system import files, process_table, processes, sockets
from flowgate.system.clock import Clock, poll

if TYPE_CHECKING:
    from flowgate.domain import Program

PATIENCE_SECONDS = 15.0  # for an answer that needs no waiting; a keeper that takes longer is stuck
BOOT_SECONDS = 30.0
TAKEN_SECONDS = 5.0
RECENT_SECONDS = 2.0
SLICE_SECONDS = 0.2  # of a wait, where several threads wait or one can be interrupted
PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "LC_ALL", "TMPDIR")


class SupervisorClient:
    """The keeper of one runtime folder, seen from a command.

    Attributes:
        runtime: The runtime folder, absolute.
        log_file: The keeper's own log.
        started: (service, generation) of what this command has started.
    """

    def __init__(self, runtime: Path, log_file: Path) -> None:
        self.runtime, self.log_file = runtime, log_file
        self.folder = runtime / "run"
        self.started: list[tuple[str, int]] = []
        self._sock: socket.socket | None = None
        self._lines = Lines()
        self._asked = 0
        self._awaited: set[int] = set()
        self._kept: dict[int, Message] = {}
        self._alone = threading.RLock()  # tasks that run beside each other share the connection

    # --- looking

    def status(self) -> dict[str, Any]:
        """Say what is kept: `keeper` (its pid, None when absent), `nurseries` and `services`, as `account.status` does.

        Without a keeper, what a killed one left running is listed as generations in the phase "orphaned".
        """
        if self._find() is None:
            return {"supervisor": None, "fork_servers": [], "services": self._orphaned()}
        return self._ask({"verb": "status"})

    def generation(self, service: str) -> dict[str, Any] | None:
        """Give the newest generation of a service that is neither draining nor stopping; None when there is none."""
        about = self.status()["services"].get(service, {})
        living = [g for g in about.get("generations", ()) if g["phase"] not in ("draining", "stopping", "orphaned")]
        return living[-1] if living else None

    def recent_requests(self, service: str) -> list[dict[str, Any]]:
        """Ask a service's generations for their last answers, oldest first; each with its `generation`.

        Returns:
            Rows of path, method, at (seconds since 1970), status, seconds and the recorded headers.
        """
        rows: list[dict[str, Any]] = []
        for one in self.status()["services"].get(service, {}).get("generations", ()):
            query = self._heard(service, int(one["number"]), {"do": "recent"}) or {"rows": []}
            rows += [{**row, "generation": one["number"]} for row in query["rows"]]
        return sorted(rows, key=lambda row: float(row["at"]))

    def query(self, service: str, what: str) -> list[dict[str, Any]]:
        """Ask a service's serving generation about its inside: a word that its program answers (`Program.tells`).

        Raises:
            NotReady: None serves.
            EnvironmentFailure: It cannot say.
        """
        found = self.status()["services"].get(service, {}).get("generations", ())
        serving = next((one for one in found if one["phase"] == "serving"), None)
        if serving is None:
            raise NotReady(f"{service} is not running", fix="inv up")
        answer = self._heard(service, int(serving["number"]), {"do": "tell", "what": what})
        if answer is None:
            raise EnvironmentFailure(f"{service} does not answer for its {what}: it is no generation of the keeper's")
        if "error" in answer:
            fix = f"inv service.reload --service {service}"
            raise EnvironmentFailure(f"{service} cannot tell its {what}: {answer['error']}", fix=fix)
        return list(answer["rows"])

    def _heard(self, service: str, number: int, order: Message) -> Message | None:
        """Put one question to a generation; None where none of ours listens, or it has just gone."""
        awaited = {"recent": "recent", "tell": "told"}[order["do"]]
        path = sockets.unix_path(self.folder, f"{service}-{number}.sock")
        sock = sockets.connect_unix(path, RECENT_SECONDS)
        if sock is None:  # an ordinary program, or one that has just gone
            return None
        lines = Lines()
        with sock:
            sock.settimeout(RECENT_SECONDS)
            try:
                sock.sendall(encode(order))
                while data := sock.recv(262_144):
                    for message in lines.feed(data):
                        if message.get("event") == awaited:
                            return message
            except (OSError, ValueError):
                return None
        return None

    def matches(self, program: Program) -> bool:
        """Say whether the newest generation already runs just this program, with just these keys."""
        if self._find() is None:
            return False
        return bool(self._ask({"verb": "matches", "program": to_tree(program, secrets=True)})["same"])

    def _orphaned(self) -> dict[str, Any]:
        services: dict[str, Any] = {}
        for record in orphans.living(self.folder):
            keys = ("number", "pid", "ticks", "host", "port", "labels", "digest", "log", "private_address")
            about = {key: record.get(key) for key in keys} | {"phase": "orphaned"}
            state = services.setdefault(record["service"], {"wanted": False, "restarts": 0, "generations": []})
            state["generations"].append(about)
        return services

    # --- acting

    def recover(self) -> bool:
        """Let a new keeper take over what a killed one left running; say whether there was anything."""
        if self._find() is not None or not orphans.living(self.folder):
            return False
        self._boot()
        return True

    def start(self, program: Program, *, fresh: bool = False) -> Message:
        """Start a new generation, unless the newest one runs just this.

        Args:
            fresh: Also when it does.

        Returns:
            `generation` (its number) and `same` (nothing had to be started).
        """
        self._connect() or self._boot()
        reply = self._ask({"verb": "start", "program": to_tree(program, secrets=True), "fresh": fresh})
        if not reply["same"]:
            self.started.append((program.service, int(reply["generation"])))
        return reply

    def wait(self, service: str, generation: int, timeout: float, *, serving: bool = False) -> str:
        """Wait until a generation is ready, or serves.

        Returns:
            Its phase.

        Raises:
            NotReady: , naming why it ended, or that the time was up (seconds).
        """
        goal = "serving" if serving else "ready"
        return self._await("wait", service, generation, timeout, goal)

    def promote(self, service: str, generation: int, digest: str, timeout: float = 30.0) -> None:
        """Let a ready generation accept on the public socket; the older one drains.

        Args:
            service: Name of the service.
            generation: Number of the generation.
            digest: Digest of the program that the caller means; a generation of any other program is refused.
            timeout: Seconds until it must serve.

        Raises:
            EnvironmentFailure: The generation runs another program. Nothing was promoted.
            NotReady: The generation ended, or did not serve in time.
        """
        self._await("promote", service, generation, timeout, "serving", digest=digest)

    def _await(self, verb: str, service: str, generation: int, timeout: float, goal: str, **more: str) -> str:
        question = {"verb": verb, "service": service, "generation": generation, "timeout": timeout, "for": goal, **more}
        reply = self._ask(question, patience=timeout + PATIENCE_SECONDS, refuse=False)
        if reply.get("refused"):
            raise EnvironmentFailure(str(reply["error"]), fix=str(reply["fix"]))
        if not reply.get("ok"):
            late = f"{service} was not {goal} within {timeout:g} s"
            raise NotReady(late if reply.get("late") else f"{service} did not come up: {reply['error']}")
        return str(reply["phase"])

    def discard(self, service: str, generation: int) -> None:
        """Send a candidate home."""
        if self._find() is not None:
            self._ask({"verb": "discard", "service": service, "generation": generation})

    def stop(self, services: Iterable[str], timeout: float = 60.0) -> Message:
        """Stop services, their whole process trees.

        Returns:
            `stopped` (service, pid, generation of each) and `killed` (pids that had to be killed).
        """
        if self._find() is None and not orphans.living(self.folder):
            return {"stopped": [], "killed": []}
        left = orphans.living(self.folder) if self._sock is None else []
        self._connect() or self._boot()
        reply = self._ask(
            {"verb": "stop", "services": list(services), "timeout": timeout}, patience=timeout + PATIENCE_SECONDS
        )
        # What a killed keeper had left and a new one could not take over, it took down on its way.
        query = {one["pid"] for one in reply["stopped"]}
        gone = [r for r in left if r["pid"] not in query]
        swept = [{"service": r["service"], "pid": r["pid"], "generation": r["number"]} for r in gone]
        return {**reply, "stopped": [*reply["stopped"], *swept]}

    def hold_requests(self, service: str, timeout: float) -> tuple[int, float]:
        """Hold new questions of a service, and wait for a moment in which nothing is under way.

        Args:
            timeout: Seconds to wait for it.

        Returns:
            How many answers are still under way (0: it is quiet), and for how many seconds the oldest has been.
        """
        reply = self._ask({"verb": "hold", "service": service, "timeout": timeout}, patience=timeout + PATIENCE_SECONDS)
        return int(reply["busy"]), float(reply["oldest"])

    def release_requests(self, service: str) -> None:
        """Let questions go on that were held."""
        if self._sock is not None:
            self._ask({"verb": "let", "service": service})

    def finish(self, *, keep: bool, timeout: float = 60.0) -> None:
        """End this command's part: what it started goes on, or is taken down; an idle keeper is gone afterwards.

        Args:
            timeout: Seconds for taking down.
        """
        if self._sock is None:
            return
        question = {"verb": "finish", "keep": keep, "timeout": timeout}
        reply = self._ask(question, patience=timeout + PATIENCE_SECONDS)
        self.close()
        supervisor = processes.identify(int(reply["supervisor"])) if reply["leaving"] else None
        if supervisor is not None:
            poll(lambda: not processes.alive(supervisor), Clock(), every=0.005, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        """End the connection; what was started and not kept is taken down by the keeper."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    # --- the connection

    def _ask(
        self, message: Mapping[str, object], *, patience: float = PATIENCE_SECONDS, refuse: bool = True
    ) -> Message:
        with self._alone:
            sock = self._connect() or self._boot()
            self._asked += 1
            number = self._asked
        self._awaited.add(number)
        try:
            sock.sendall(encode({**message, "id": number}))
            reply = self._reply(sock, number, patience)
        except (OSError, ValueError) as fault:
            self.close()
            why = "did not answer in time" if isinstance(fault, TimeoutError) else "went away"
            raise Unreachable(
                f"the keeper {why} while it was asked to {message['verb']}",
                fix="run the command again; what it left running is found and taken over",
                log=files.tail(self.log_file, 5),
            ) from None
        finally:
            self._awaited.discard(number)
            self._kept.pop(number, None)
        if refuse and not reply.get("ok"):
            raise EnvironmentFailure(str(reply.get("error")), fix=str(reply.get("fix") or ""))
        return reply

    def _reply(self, sock: socket.socket, number: int, patience: float) -> Message:
        """Wait for the reply to one question; whichever thread reads keeps what others wait for."""
        until = time.monotonic() + patience
        while number not in self._kept:
            with self._alone:
                if number not in self._kept:
                    self._read(sock, until)
            if number not in self._kept:
                time.sleep(0.001)  # whoever waits for what has just been read gets its turn
        return self._kept[number]

    def _read(self, sock: socket.socket, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        is_main = threading.current_thread() is threading.main_thread()
        sock.settimeout(left if is_main and len(self._awaited) == 1 else min(left, SLICE_SECONDS))
        try:
            data = sock.recv(262_144)
        except TimeoutError:
            return
        if not data:
            raise ConnectionResetError
        for reply in self._lines.feed(data):
            if reply.get("id") in self._awaited:  # others are of questions that were interrupted
                self._kept[int(reply["id"])] = reply

    def _find(self) -> socket.socket | None:
        """Connect to the keeper; one that lives without its socket (somebody deleted it) will put it back."""
        if self._connect() is None and self._lives():
            poll(lambda: self._connect() or not self._lives(), Clock(), every=0.05, timeout=TAKEN_SECONDS)
        return self._sock

    def _lives(self) -> bool:
        """Say whether a keeper of this folder lives: by the pid in its lock file, else by looking around."""
        if not self.runtime.is_dir():
            return False
        words = ("flowgate.supervisor.daemon", str(self.runtime))
        pid = (files.read_text_or_none(self.runtime / LOCK_NAME) or "").strip()
        if pid.isdigit():
            return set(words) <= set(process_table.argv(int(pid)))
        return processes.find(words) is not None

    def _connect(self) -> socket.socket | None:
        if self._sock is None:
            self._lines = Lines()
            sock = sockets.connect_unix(sockets.unix_path(self.folder, SOCKET_NAME), 5.0)
            self._sock = sock if sock is not None and self._greets(sock) else None
        return self._sock

    def _greets(self, sock: socket.socket) -> bool:
        """Say whether a keeper is really there: one that is just leaving accepts and falls silent."""
        sock.settimeout(PATIENCE_SECONDS)
        try:
            sock.sendall(encode({"verb": "hello"}))
            if self._lines.feed(sock.recv(4096)):
                return True
        except OSError:  # cut: it has left
            pass
        sock.close()
        return False

    def _boot(self) -> socket.socket:
        """Start a keeper; one that lives already without a socket is given the time to put it back."""
        for _ in range(3):
            living = processes.find(("flowgate.supervisor.daemon", str(self.runtime))) is not None
            said = "taken" if living else self._spawn()
            if said not in ("ready", "taken"):
                break
            # "taken": another command's keeper is just coming up, or leaving, or its socket was deleted under it.
            sock = poll(self._connect, Clock(), every=0.02, timeout=0.0 if said == "ready" else TAKEN_SECONDS)
            if sock is not None:
                return sock
        raise EnvironmentFailure(
            "the keeper did not come up",
            fix=f"its log is {self.log_file}",
            log=files.tail(self.log_file, 10),
        )

    def _spawn(self) -> str:
        files.make_private_folder(self.folder)
        files.make_private_folder(self.log_file.parent)
        reading, writing = os.pipe()
        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        argv = [sys.executable, "-m", "flowgate.supervisor.daemon", str(self.runtime), str(self.log_file), str(writing)]
        try:
            with os.fdopen(os.open(self.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as log:
                process = subprocess.Popen(
                    argv,
                    cwd="/",
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(writing,),
                    start_new_session=True,
                    umask=0o077,
                )
            process.returncode = 0  # it outlives this command on purpose; Popen would warn that it does
        except OSError as fault:
            raise DiskError(f"{self.log_file}: {fault.strerror}", fix="make the folder writable") from None
        finally:
            os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            readable, _, _ = select.select([pipe], [], [], BOOT_SECONDS)
            return pipe.readline().decode().strip() if readable else ""

"""The supervisor of a runtime folder, as a command uses it.

One connection for each command. What the command starts is leased to it until `finish`, so a command that is killed
leaves nothing running that it had not finished.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flowgate.errors import EnvironmentFailure, NotReady
from flowgate.supervisor import orphans
from flowgate.supervisor.connection import REPLY_SECONDS
from flowgate.supervisor.program_tree import to_tree
from flowgate.supervisor.protocol import (
    Request,
    Started,
    Stopped,
    StoppedGeneration,
)
from flowgate.supervisor.reader import SupervisorReader
from flowgate.system import processes
from flowgate.system.clock import Clock, poll

if TYPE_CHECKING:
    from flowgate.domain import Program


class SupervisorClient(SupervisorReader):
    """The supervisor of one runtime folder, as a command uses it."""

    # --- starting

    def recover(self) -> bool:
        """Let a new supervisor adopt what a killed one left running; return whether there was anything."""
        if self._connection.find() or not orphans.living(self.folder):
            return False
        self._connection.ensure()
        return True

    def forget_silence(self) -> None:
        """Ask the supervisor again, although it did not answer this command: it has been replaced."""
        self._connection.forget_silence()

    def start(self, program: Program, *, fresh: bool = False) -> Started:
        """Start a new generation, unless the newest one runs exactly this program.

        Args:
            program: The program.
            fresh: Start a new generation in any case.
        """
        request: Request = {"verb": "start", "program": to_tree(program, secrets=True), "fresh": fresh}
        reply = self._connection.request(request)
        started: Started = {"generation": int(reply["generation"] or 0), "same": reply["same"]}
        if not started["same"]:
            self.started.append((program.service, started["generation"]))
            self._meant[program.service] = started["generation"]
        return started

    def wait(self, service: str, generation: int, timeout: float, *, serving: bool = False) -> str:
        """Wait until a generation is ready, or serves.

        Args:
            service: Name of the service.
            generation: Number of the generation.
            timeout: Seconds to wait.
            serving: Wait until it serves.

        Returns:
            Its phase.

        Raises:
            NotReady: The generation ended, or was not ready in time.
        """
        goal = "serving" if serving else "ready"
        return self._wait({"verb": "wait", "service": service, "generation": generation, "goal": goal}, timeout)

    def promote(self, service: str, generation: int, digest: str, timeout: float = 30.0) -> None:
        """Let a ready generation accept on the public listener; the older one drains.

        Args:
            service: Name of the service.
            generation: Number of the generation.
            digest: Digest of the program that the caller means; a generation of any other program is refused.
            timeout: Seconds until it must serve.

        Raises:
            EnvironmentFailure: The generation runs another program. Nothing was promoted.
            NotReady: The generation ended, or did not serve in time.
        """
        request: Request = {"verb": "promote", "service": service, "generation": generation, "digest": digest}
        self._wait({**request, "goal": "serving"}, timeout)

    def _wait(self, request: Request, timeout: float) -> str:
        service, goal = request["service"], request["goal"]
        request["timeout"] = timeout
        reply = self._connection.request(request, timeout=timeout + REPLY_SECONDS, check=False)
        if reply.get("refused"):
            raise EnvironmentFailure(reply["error"], fix=reply["fix"])
        if not reply["ok"]:
            late = f"{service} was not {goal} within {timeout:g} s"
            raise NotReady(late if reply.get("late") else f"{service} did not start: {reply['error']}")
        return reply["phase"]

    def reserve_fork_server(self, program: Program, seconds: float, timeout: float = 60.0) -> bool:
        """Keep the fork server of a program for some time, although nothing that runs needs it; wait until it is ready.

        Args:
            program: The program.
            seconds: How long to keep it; 0 ends an earlier reservation.
            timeout: Seconds to wait.

        Returns:
            Whether it is ready. It is not where forking is unsafe, or when a supervisor of an earlier FlowGate runs.
        """
        if not self._connection.find():
            return False
        request: Request = {"verb": "reserve", "program": to_tree(program, secrets=True), "seconds": seconds}

        def phase() -> str:
            return str(self._connection.request(request, check=False).get("phase", ""))

        settled = poll(lambda: phase() != "importing", Clock(), every=0.05, ceiling=0.2, timeout=timeout)
        return bool(settled) and phase() == "ready"

    # --- stopping

    def discard(self, service: str, generation: int) -> None:
        """Stop a candidate."""
        if self._connection.find():
            self._connection.request({"verb": "discard", "service": service, "generation": generation})
        if self._meant.get(service) == generation:
            del self._meant[service]

    def stop(self, services: Iterable[str], timeout: float = 60.0) -> Stopped:
        """Stop services with their whole process trees.

        Args:
            services: Names of the services.
            timeout: Seconds to wait.
        """
        names = list(services)
        for name in names:
            self._meant.pop(name, None)
        left = orphans.living(self.folder) if not self._connection.is_open else []
        if not self._connection.find() and not left:
            return {"stopped": [], "killed": []}
        request: Request = {"verb": "stop", "services": names, "timeout": timeout}
        reply = self._connection.request(request, timeout=timeout + REPLY_SECONDS)
        # A new supervisor has stopped, at its start, what a killed one left running and it could not adopt.
        pids = {one["pid"] for one in reply["stopped"]}
        gone = [record for record in left if record["pid"] not in pids and not orphans.is_living(record)]
        swept: list[StoppedGeneration] = [
            {"service": record["service"], "pid": record["pid"], "generation": record["number"]} for record in gone
        ]
        return {"stopped": [*reply["stopped"], *swept], "killed": reply["killed"]}

    def finish(self, *, keep: bool, timeout: float = 60.0) -> None:
        """End this command: keep what it started, or stop it; wait until an idle supervisor has gone.

        Args:
            keep: Keep what this command started.
            timeout: Seconds for stopping.
        """
        if not self._connection.is_open:
            return
        request: Request = {"verb": "finish", "keep": keep, "timeout": timeout}
        reply = self._connection.request(request, timeout=timeout + REPLY_SECONDS)
        self.close()
        supervisor = processes.identify(reply["supervisor"]) if reply["leaving"] else None
        if supervisor is not None:
            poll(lambda: not processes.alive(supervisor), Clock(), every=0.005, timeout=REPLY_SECONDS)

    def close(self) -> None:
        """Close the connection; the supervisor stops what was started and not kept."""
        self._connection.close()

    # --- holding requests

    def hold_requests(self, service: str, timeout: float) -> tuple[int, float]:
        """Hold new requests of a service, and wait until none is in progress.

        Args:
            service: Name of the service.
            timeout: Seconds to wait.

        Returns:
            The number of requests still in progress, and the age of the oldest in seconds.
        """
        request: Request = {"verb": "hold", "service": service, "timeout": timeout}
        reply = self._connection.request(request, timeout=timeout + REPLY_SECONDS)
        return reply["busy"], reply["oldest"]

    def release_requests(self, service: str) -> None:
        """Let held requests continue."""
        if self._connection.is_open:
            self._connection.request({"verb": "release", "service": service})

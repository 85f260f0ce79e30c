"""The supervisor of a runtime folder, as a command uses it.

One connection for each command. What the command starts is leased to it until `finish`, so a command that is killed
leaves nothing running that it had not finished.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowgate.errors import EnvironmentFailure, NotReady
from flowgate.supervisor import orphans, worker_client
from flowgate.supervisor.connection import REPLY_SECONDS, Connection
from flowgate.supervisor.program_tree import to_tree
from flowgate.supervisor.protocol import (
    GenerationStatus,
    Request,
    Started,
    StatusDocument,
    Stopped,
    StoppedGeneration,
)
from flowgate.system import processes
from flowgate.system.clock import Clock, poll

if TYPE_CHECKING:
    from flowgate.domain import Program
    from flowgate.request_filter.recent import RecentRequest


class SupervisorClient:
    """The supervisor of one runtime folder, as a command uses it.

    Attributes:
        folder: `run/` of the runtime folder.
        started: (service, generation) of what this command has started.
    """

    def __init__(self, runtime: Path, log_file: Path) -> None:
        """Create a client; it connects when it has to.

        Args:
            runtime: The runtime folder, absolute.
            log_file: The supervisor's own log.
        """
        self.runtime, self.log_file = runtime, log_file
        self.folder = runtime / "run"
        self.started: list[tuple[str, int]] = []
        self._connection = Connection(runtime, log_file)

    # --- reading

    def status(self) -> StatusDocument:
        """Return what the supervisor runs.

        Without a supervisor, what a killed one left running is listed as generations in the phase "orphaned".
        """
        if not self._connection.find():
            return {"supervisor": None, "fork_servers": [], "services": orphans.describe(self.folder)}
        return self._connection.request({"verb": "status"})["status"]

    def _generations(self, service: str) -> list[GenerationStatus]:
        return self.status()["services"].get(service, {}).get("generations", [])

    def generation(self, service: str) -> GenerationStatus | None:
        """Return the newest generation of a service that is neither draining nor stopping; None when there is none."""
        past = ("draining", "stopping", "orphaned")
        current = [one for one in self._generations(service) if one["phase"] not in past]
        return current[-1] if current else None

    def matches(self, program: Program) -> bool:
        """Return whether the newest generation runs exactly this program, with exactly this environment."""
        if not self._connection.find():
            return False
        return self._connection.request({"verb": "matches", "program": to_tree(program, secrets=True)})["same"]

    def recent_requests(self, service: str) -> list[RecentRequest]:
        """Return the last requests of all generations of a service, oldest first."""
        rows: list[RecentRequest] = []
        for one in self._generations(service):
            found = worker_client.recent_requests(worker_client.control_path(self.folder, service, one["number"]))
            for row in found:
                row["generation"] = one["number"]
            rows += found
        return sorted(rows, key=lambda row: row["at"])

    def query(self, service: str, what: str) -> list[Any]:
        """Query the inside of the serving generation of a service.

        Args:
            service: Name of the service.
            what: A key of `Program.queries`.

        Returns:
            The rows that the program's function returns.

        Raises:
            NotReady: No generation serves.
            EnvironmentFailure: The generation cannot answer the query.
        """
        serving = next((one for one in self._generations(service) if one["phase"] == "serving"), None)
        if serving is None:
            raise NotReady(f"{service} is not running", fix="inv up")
        event = worker_client.query(worker_client.control_path(self.folder, service, serving["number"]), what)
        reason = "it does not respond" if event is None else event.get("error")
        if event is None or reason:
            fix = f"inv service.reload --service {service}"
            raise EnvironmentFailure(f"{service} cannot report its {what}: {reason}", fix=fix)
        return event["rows"]

    # --- starting

    def recover(self) -> bool:
        """Let a new supervisor adopt what a killed one left running; return whether there was anything."""
        if self._connection.find() or not orphans.living(self.folder):
            return False
        self._connection.ensure()
        return True

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
            raise NotReady(late if reply.get("late") else f"{service} did not come up: {reply['error']}")
        return reply["phase"]

    # --- stopping

    def discard(self, service: str, generation: int) -> None:
        """Stop a candidate."""
        if self._connection.find():
            self._connection.request({"verb": "discard", "service": service, "generation": generation})

    def stop(self, services: Iterable[str], timeout: float = 60.0) -> Stopped:
        """Stop services with their whole process trees.

        Args:
            services: Names of the services.
            timeout: Seconds to wait.
        """
        left = orphans.living(self.folder) if not self._connection.is_open else []
        if not self._connection.find() and not left:
            return {"stopped": [], "killed": []}
        request: Request = {"verb": "stop", "services": list(services), "timeout": timeout}
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

"""What a supervisor runs, as a command reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from flowgate.errors import EnvironmentFailure, NotReady
from flowgate.supervisor import kept_requests, orphans, worker_client
from flowgate.supervisor.connection import Connection
from flowgate.supervisor.program_tree import to_tree
from flowgate.supervisor.protocol import Request
from flowgate.supervisor.status_document import GenerationStatus, StatusDocument

if TYPE_CHECKING:
    from flowgate.domain import Program
    from flowgate.request_filter.recent import RecentRequest
    from flowgate.request_filter.refusals import RefusalRow

SERVING = ("serving", "orphaned")
PAST = ("draining", "stopping", "orphaned")


class WorkerRefusals(TypedDict):
    """What one worker has refused since it started.

    Attributes:
        generation: Its generation.
        rows: The counts by client and kind.
        problem: Why it cannot read the clients' keys; empty if it can.
    """

    generation: int
    rows: list[RefusalRow]
    problem: str


class SupervisorReader:
    """The supervisor of one runtime folder, as a command reads it.

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
        self._meant: dict[str, int] = {}
        self._connection = Connection(runtime, log_file)

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
        current = [one for one in self._generations(service) if one["phase"] not in PAST]
        return current[-1] if current else None

    def serving_label(self, service: str, label: str) -> str | None:
        """Return a label of the generation that serves; empty if it has none, None if no generation serves.

        Args:
            service: Name of the service.
            label: The label.
        """
        serving = [one["labels"].get(label, "") for one in self._generations(service) if one["phase"] in SERVING]
        return serving[-1] if serving else None

    def chosen(self, service: str) -> GenerationStatus | None:
        """Return the generation that this command means: the one that it started last, else the newest.

        Raises:
            NotReady: The generation that this command started has ended. An older one may serve, but is not meant.
        """
        number = self._meant.get(service)
        if number is None:
            return self.generation(service)
        found = next((one for one in self._generations(service) if one["number"] == number), None)
        if found is None or found["phase"] in PAST:
            raise NotReady(f"{service} generation {number}, which this run started, {self._ending(service, number)}")
        return found

    def _ending(self, service: str, number: int) -> str:
        request: Request = {"verb": "wait", "service": service, "generation": number, "goal": "ready", "timeout": 0.0}
        reply = self._connection.request(request, check=False)
        return f"has ended: {reply['error']}" if reply.get("failed") and reply.get("error") else "has ended"

    def matches(self, program: Program) -> bool:
        """Return whether the newest generation runs exactly this program, with exactly this environment."""
        if not self._connection.find():
            return False
        return self._connection.request({"verb": "matches", "program": to_tree(program, secrets=True)})["same"]

    def recent_requests(self, service: str) -> list[RecentRequest]:
        """Return the last requests of all generations of a service and of those that drained last, oldest first."""
        rows: list[RecentRequest] = []
        for number, index, is_living in self._with_drained(service):
            path = worker_client.control_path(self.folder, service, number, index)
            found = worker_client.recent_requests(path) if is_living else None
            if found is None:  # it has drained, perhaps just now
                found = kept_requests.read(self.folder, service, number, index)
            for row in found:
                row["generation"] = number
            rows += found
        return sorted(rows, key=lambda row: row["at"])

    def refusals(self, service: str) -> list[WorkerRefusals]:
        """Return what all workers of a service and those that drained last have refused, oldest first.

        Args:
            service: Name of the service.
        """
        found: list[WorkerRefusals] = []
        for number, index, is_living in self._with_drained(service):
            path = worker_client.control_path(self.folder, service, number, index)
            event = worker_client.refusals(path) if is_living else None
            rows = event["rows"] if event else kept_requests.read_refusals(self.folder, service, number, index)
            problem = event.get("reason", "") if event else ""
            if rows or problem:
                found.append({"generation": number, "rows": rows, "problem": problem})
        return found

    def _with_drained(self, service: str) -> list[tuple[int, int, bool]]:
        """Return the living workers of a service, and those that drained last: generation, index, whether it lives."""
        living = {(one["number"], index) for one in self._generations(service) for index in _indexes(one)}
        newest = max((number for number, _ in living), default=0)
        kept = [*kept_requests.drained(newest), newest]
        drained = {(number, one) for number in kept for one in kept_requests.indexes(self.folder, service, number)}
        return [(*one, one in living) for one in sorted(living | drained)]

    def query(self, service: str, what: str) -> list[Any]:
        """Query the inside of the serving generation of a service: the rows of all its workers, one after another.

        Args:
            service: Name of the service.
            what: A key of `Program.queries`.

        Returns:
            The rows that the program's function returns.

        Raises:
            NotReady: No generation serves.
            EnvironmentFailure: A worker of the generation cannot answer the query.
        """
        serving = next((one for one in self._generations(service) if one["phase"] == "serving"), None)
        if serving is None:
            raise NotReady(f"{service} is not running", fix="inv up")
        return [
            row for index in _indexes(serving, "serving") or [1] for row in self._query(service, serving, index, what)
        ]

    def _query(self, service: str, generation: GenerationStatus, index: int, what: str) -> list[Any]:
        path = worker_client.control_path(self.folder, service, generation["number"], index)
        event = worker_client.query(path, what)
        reason = "it does not respond" if event is None else event.get("error")
        if event is None or reason:
            fix = f"inv service.reload --service {service}"
            raise EnvironmentFailure(f"{service} cannot report its {what}: {reason}", fix=fix)
        return event["rows"]


def _indexes(generation: GenerationStatus, *phases: str) -> list[int]:
    """Return the indexes of a generation's processes, or of those in some phases."""
    known = generation.get("workers")
    if known is None:  # no supervisor describes them
        return [1]
    return [one["index"] for one in known if not phases or one["phase"] in phases]


def pids(generation: GenerationStatus) -> list[int]:
    """Return the pids of a generation's processes, as far as they are known."""
    found = [worker["pid"] for worker in generation.get("workers", ())]
    return found or [pid for pid in (generation.get("pid"),) if pid]

"""Replace a supervisor that does not answer; the next one adopts its generations, which serve all the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowgate.errors import NotAnswering
from flowgate.supervisor import daemon_process, orphans
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.orphans import GenerationRecord
from flowgate.supervisor.reader import pids
from flowgate.supervisor.status_document import GenerationStatus


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery did.

    Attributes:
        replaced: Pid of the supervisor that was killed; None when it answers, or none ran.
        supervisor: Pid of the supervisor that runs now; None when nothing is left to supervise.
        adopted: (service, generation) of what it has taken over; empty when the old one answers.
        stopped: Records of generations that did not answer either, or did not serve yet.
    """

    replaced: int | None
    supervisor: int | None
    adopted: Sequence[tuple[str, GenerationStatus]] = ()
    stopped: Sequence[GenerationRecord] = ()


def recover(client: SupervisorClient) -> Recovery:
    """Replace the supervisor of a runtime folder if it does not answer, or was killed.

    It takes no lock: a command that holds it may be waiting for this very supervisor.

    Args:
        client: A client of the runtime folder.

    Returns:
        What was done.

    Raises:
        EnvironmentFailure: Another program listens on the control socket, or the supervisor cannot be replaced.
    """
    left = orphans.living(client.folder)
    replaced = None
    try:
        status = client.status()
        if status["supervisor"] is not None:
            return Recovery(None, status["supervisor"])
    except NotAnswering:
        found = daemon_process.find(client.runtime)
        if found is not None:
            daemon_process.kill(found)
            replaced = found.pid
        client.forget_silence()
    if not left:
        return Recovery(replaced, None)
    client.recover()
    status = client.status()
    services = status["services"].items()
    adopted = [(name, one) for name, service in services for one in service["generations"]]
    known = {pid for _, one in adopted for pid in pids(one)}
    return Recovery(replaced, status["supervisor"], adopted, [one for one in left if one["pid"] not in known])

"""Find processes that are alive and do nothing: stopped by a signal, or stuck.

A worker is asked a question every few seconds, which its event loop answers in a millisecond. A program that binds its
own port is asked over HTTP where that is agreed (`Program.answers_pings`). Of any other one only the process table is
read: it may be one that answers one request after the other, and a long one is no hang.
"""

from __future__ import annotations

from flowgate.supervisor import worker_group
from flowgate.supervisor.fork_pool import Key
from flowgate.supervisor.ping import Ping
from flowgate.supervisor.service_state import Generation
from flowgate.supervisor.supervisor import Supervisor
from flowgate.supervisor.worker_process import WorkerProcess
from flowgate.system import process_table, processes

ASK_SECONDS = 2.0  # between an answer and the next question
SILENT_SECONDS = 5.0  # after so long without an answer, the status says so
HUNG_SECONDS = 30.0  # after so long, the process is killed and respawned
STARVED_TIMES = 4  # a worker that works, and has got less than that of processor time, may be silent so much longer
BLOCKED_SHARE = 0.05  # of that processor time: one that has used less waits for something, and is stuck
FORK_SERVER_SECONDS = 5.0
STOPPED = "T"  # state of a process that got SIGSTOP; one in a debugger has another
WAITS_FOR_MACHINE = {"R", "D"}  # states of a thread that works, or waits for a core or the disk


class Liveness:
    """The processes of one supervisor that do not answer."""

    def __init__(self, supervisor: Supervisor, hung_seconds: float = HUNG_SECONDS) -> None:
        self._supervisor, self._hung_seconds = supervisor, hung_seconds
        self._stopped_since: dict[int, float] = {}

    def check(self) -> None:
        """Ask the workers, and kill what has been silent for too long; called about once a second."""
        pool, states = self._supervisor.pool, self._supervisor.states
        self._forget_pause()
        for (service, number, _), worker in list(pool.workers.items()):
            found = states[service].find(number)
            is_new = worker.control is not None and worker.phase == "starting"  # it imports its app
            if found is not None and found.phase in ("ready", "serving", "draining") and not is_new:
                self._check_worker((service, number), worker, found)
        for server in list(pool.fork_pool.servers.values()):
            if self._stopped_seconds(server.identity.pid) > FORK_SERVER_SECONDS:
                pool.fork_pool.replace(server, "it is stopped (SIGSTOP)")
        known = {worker.identity.pid for worker in pool.workers.values()} | pool.fork_pool.pids()
        self._stopped_since = {pid: since for pid, since in self._stopped_since.items() if pid in known}

    def _forget_pause(self) -> None:
        """Begin to count anew after a round that comes late: this process was paused too, and probably all of them.

        So it is after `podman pause`, when a virtual machine continues, and after SIGCONT. CLOCK_MONOTONIC stands
        still while a machine sleeps, but not then.
        """
        now = self._supervisor.clock.now()
        late, self._supervisor.checked_at = now - self._supervisor.checked_at >= SILENT_SECONDS, now
        if late:
            self._stopped_since.clear()
            for worker in self._supervisor.pool.workers.values():
                worker.asked_at = now if worker.asked_at is not None else None

    def _check_worker(self, key: Key, worker: WorkerProcess, found: Generation) -> None:
        now = self._supervisor.clock.now()
        if worker.asked_at is None and worker.can_be_asked and now - worker.answered_at >= ASK_SECONDS:
            self._ask(worker, now)
        silent = max(self._stopped_seconds(worker.identity.pid), now - (worker.asked_at or now))
        # With `restart: never` nothing would replace it; a draining one serves nobody new and is only in the way.
        expendable = worker.program.restart != "never" or found.phase == "draining"
        if silent >= self._hung_seconds and expendable and not worker.killed and not self._is_starved(worker, silent):
            worker.exit_reason = f"it did not answer for {silent:.0f} s"
            self._supervisor.journal.log(
                f"{key[0]} {key[1]}: {worker.exit_reason}; killed{worker_group.suffix(worker)}"
            )
            worker.kill()

    def _ask(self, worker: WorkerProcess, now: float) -> None:
        worker.asked_at, worker.asked_cpu = now, processes.cpu_seconds(worker.identity.pid) or 0.0
        if worker.control is not None:
            worker.send({"do": "query", "what": ""})  # every version of a worker answers it, if only with an error
            return
        supervisor = self._supervisor

        def wanted() -> bool:
            return supervisor.workers.get(worker.key) is worker and worker.phase != "stopping"

        def answered() -> None:
            worker.asked_at, worker.answered_at = None, supervisor.clock.now()

        Ping(supervisor.loop, worker.private_address, "*", wanted, answered).send()

    def _is_starved(self, worker: WorkerProcess, silent: float) -> bool:
        """Return whether a silent worker works, but gets too little of a busy machine's cores to have come far."""
        used = (processes.cpu_seconds(worker.identity.pid) or 0.0) - worker.asked_cpu
        shortest = BLOCKED_SHARE * self._hung_seconds
        works = shortest < used or bool(WAITS_FOR_MACHINE & process_table.thread_states(worker.identity.pid))
        return works and used < self._hung_seconds and silent < STARVED_TIMES * self._hung_seconds

    def _stopped_seconds(self, pid: int) -> float:
        if not is_stopped(pid):
            self._stopped_since.pop(pid, None)
            return 0.0
        now = self._supervisor.clock.now()
        return now - self._stopped_since.setdefault(pid, now)


def is_stopped(pid: int) -> bool:
    """Return whether a process is stopped by a signal."""
    row = process_table.row(pid)
    return row is not None and row.state == STOPPED


def silence(worker: WorkerProcess, supervisor: Supervisor) -> str:
    """Return why a process does not answer, as the rest of a sentence; empty when it does.

    After a pause, answers have come that the supervisor has not read: its time until the next round does not count.

    Args:
        worker: The process.
        supervisor: Its supervisor.
    """
    if is_stopped(worker.identity.pid):
        return "is stopped (SIGSTOP)"
    now = min(supervisor.clock.now(), supervisor.checked_at + ASK_SECONDS)
    seconds = now - (worker.asked_at or now)
    return f"has not answered for {seconds:.0f} s" if seconds >= SILENT_SECONDS else ""

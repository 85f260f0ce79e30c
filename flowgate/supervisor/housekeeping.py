"""The supervisor's regular work: its socket, logs, stuck processes, large ones, budgets and records about accounts."""

from __future__ import annotations

import math
from collections.abc import Callable

from flowgate.supervisor import worker_group
from flowgate.supervisor.budget_rounds import BudgetRounds
from flowgate.supervisor.control_server import ControlServer
from flowgate.supervisor.folder_claims import FolderClaims
from flowgate.supervisor.fork_pool import Key
from flowgate.supervisor.liveness import Liveness
from flowgate.supervisor.log_rounds import LogRounds
from flowgate.supervisor.replaced_files import AbandonedFiles
from flowgate.supervisor.service_state import Renew
from flowgate.supervisor.supervisor import Supervisor
from flowgate.supervisor.usage_rounds import UsageRounds
from flowgate.supervisor.worker_process import WorkerProcess
from flowgate.system import memory, processes

IDLE_SECONDS = 1.0  # a supervisor waits this long for the next command after nothing is left to run
EVERY_SECONDS = 1.0
ROUNDS_PER_ROTATION = 10
ROUNDS_PER_MEMORY_CHECK = 5
RENEWAL_SECONDS = 60.0  # between two renewals, so that a limit that is too low costs no more than that


class Housekeeping:
    """The regular work of one supervisor.

    Attributes:
        claims: The folders that no other host may use.
    """

    def __init__(self, supervisor: Supervisor, server: ControlServer) -> None:
        self._supervisor, self._server = supervisor, server
        self._liveness = Liveness(supervisor)
        self._budgets = BudgetRounds(supervisor)
        self.claims = FolderClaims(supervisor)
        self._usage = UsageRounds(supervisor)
        self._logs = LogRounds(supervisor)
        self._abandoned = AbandonedFiles(supervisor)
        supervisor.usage_sources = self._usage.status
        self._renewed: dict[Key | str, float] = {}
        self._rounds = 0
        self._not_loaded: set[str] = set()

    def run(self) -> None:
        """Do one round, and schedule the next one; stop the loop of an idle supervisor."""
        supervisor = self._supervisor
        self._server.restore_socket()
        supervisor.pool.reap()  # a process that is not our child ends without a signal
        self._rounds += 1
        self._attempt(self._logs.run)
        if self._rounds % ROUNDS_PER_ROTATION == 0:
            supervisor.journal.rotate({worker.program.log for worker in supervisor.workers.values()})
            if supervisor.pool.launched:
                supervisor.pool.launched = 0
                memory.trim()
        if self._rounds % ROUNDS_PER_MEMORY_CHECK == 0:
            self._check_memory()
        self._liveness.check()
        self._attempt(self._budgets.run)
        self.claims.run()
        self._attempt(self._abandoned.run)
        self._attempt(self._usage.run)
        supervisor.tidy()
        if self._is_idle():
            supervisor.loop.running = False
            return
        supervisor.loop.after(EVERY_SECONDS, self.run)

    def _is_idle(self) -> bool:
        """Return whether nothing has run for a while and no command is connected now.

        A command that looks again and again, as `top` does, connects each time: that must not begin the while anew.
        """
        since, now = self._supervisor.idle_since, self._supervisor.clock.now()
        return since is not None and now - since >= IDLE_SECONDS and not self._supervisor.clients.is_connected()

    def _attempt(self, work: Callable[[], None]) -> None:
        """Do work whose modules are imported when they are needed: an upgrade may be replacing their files just now."""
        try:
            work()
        except (ImportError, FileNotFoundError) as error:
            if str(error) not in self._not_loaded:
                self._not_loaded.add(str(error))
                self._supervisor.journal.log(f"a part of FlowGate cannot be loaded, and is tried again: {error}")

    def _check_memory(self) -> None:
        supervisor = self._supervisor
        for (service, number, _), worker in list(supervisor.workers.items()):
            limit, found = worker.program.max_memory, supervisor.states[service].find(number)
            if not limit or found is None or found.phase != "serving" or worker.is_retired:
                continue
            size, now = processes.memory(worker.identity.pid) or 0, supervisor.clock.now()
            if size > limit and now - self._renewed.get(self._renewed_at(worker), -math.inf) >= RENEWAL_SECONDS:
                used = f"{size / 1e6:.0f} MB, limit {limit / 1e6:.0f} MB"
                self._renew(worker, used, now)

    @staticmethod
    def _renewed_at(worker: WorkerProcess) -> Key | str:
        """Return what is renewed at most once a minute: a service, or a generation of several workers."""
        service, number, _ = worker.key
        return service if worker_group.wanted(worker.program) == 1 else (service, number)

    def _renew(self, worker: WorkerProcess, used: str, now: float) -> None:
        supervisor, (service, number, index) = self._supervisor, worker.key
        if worker_group.wanted(worker.program) == 1:
            supervisor.journal.log(f"{service} {number}: {used}; a fresh generation replaces it")
            supervisor.enqueue(service, Renew())
        elif supervisor.pool.replacements.renew(worker):
            supervisor.journal.log(f"{service} {number}: worker {index}: {used}; a fresh worker replaces it")
        self._renewed[self._renewed_at(worker)] = now
        supervisor.advance()

"""The supervisor's regular work: its socket, logs, stuck processes, large ones, and budgets."""

from __future__ import annotations

import math

from flowgate.supervisor.budget_rounds import BudgetRounds
from flowgate.supervisor.control_server import ControlServer
from flowgate.supervisor.liveness import Liveness
from flowgate.supervisor.service_state import Renew
from flowgate.supervisor.supervisor import Supervisor
from flowgate.system import memory, processes

IDLE_SECONDS = 1.0  # an idle supervisor waits this long for the next command
EVERY_SECONDS = 1.0
ROUNDS_PER_ROTATION = 10
ROUNDS_PER_MEMORY_CHECK = 5
RENEWAL_SECONDS = 60.0  # between two renewals, so that a limit that is too low costs no more than that


class Housekeeping:
    """The regular work of one supervisor."""

    def __init__(self, supervisor: Supervisor, server: ControlServer) -> None:
        self._supervisor, self._server = supervisor, server
        self._liveness = Liveness(supervisor)
        self._budgets = BudgetRounds(supervisor)
        self._renewed: dict[str, float] = {}
        self._rounds = 0

    def run(self) -> None:
        """Do one round, and schedule the next one; stop the loop of an idle supervisor."""
        supervisor = self._supervisor
        self._server.restore_socket()
        supervisor.pool.reap()  # a process that is not our child ends without a signal
        self._rounds += 1
        if self._rounds % ROUNDS_PER_ROTATION == 0:
            supervisor.journal.rotate({worker.program.log for worker in supervisor.workers.values()})
            if supervisor.pool.launched:
                supervisor.pool.launched = 0
                memory.trim()
        if self._rounds % ROUNDS_PER_MEMORY_CHECK == 0:
            self._check_memory()
        self._liveness.check()
        self._budgets.run()
        supervisor.tidy()
        idle_since = supervisor.idle_since
        if idle_since is not None and supervisor.clock.now() - idle_since >= IDLE_SECONDS:
            supervisor.loop.running = False
            return
        supervisor.loop.after(EVERY_SECONDS, self.run)

    def _check_memory(self) -> None:
        supervisor = self._supervisor
        for (service, number), worker in list(supervisor.workers.items()):
            limit, found = worker.program.max_memory, supervisor.states[service].find(number)
            if not limit or found is None or found.phase != "serving":
                continue
            size, now = processes.memory(worker.identity.pid) or 0, supervisor.clock.now()
            if size > limit and now - self._renewed.get(service, -math.inf) >= RENEWAL_SECONDS:
                used = f"{size / 1e6:.0f} MB, limit {limit / 1e6:.0f} MB"
                supervisor.journal.log(f"{service} {number}: {used}; a fresh generation replaces it")
                self._renewed[service] = now
                supervisor.enqueue(service, Renew())
                supervisor.advance()

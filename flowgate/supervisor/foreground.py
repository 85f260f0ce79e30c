"""The supervisor in the foreground: `run` of systemd, of a container, or of a person at a terminal.

Such a supervisor is what the service manager started. A command of the same program, its child, brings the services up
through the control socket, as the same command of a person does; another one reloads them. The supervisor tells the
manager when they serve, and ends when they do not come up.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, MutableMapping, Sequence

from flowgate.supervisor import config_record
from flowgate.supervisor.config_watch import ConfigWatch
from flowgate.supervisor.daemon_process import PASSED_ON
from flowgate.supervisor.liveness import silence
from flowgate.supervisor.service_state import ServiceState
from flowgate.supervisor.supervisor import Supervisor
from flowgate.system import notify_socket
from flowgate.system.notify_socket import NotifySocket
from flowgate.system.terminal import has_hung_up

UP, RELOAD = "up", "reload"
LOOK_SECONDS = 1.0
AGAIN_SECONDS = 5.0  # until a reload is repeated that another command stood in the way of
CHILD_SECONDS = 20.0  # for a child that was interrupted
WRITTEN_WRONG, REFUSED = 2, 3


class Foreground:
    """What the supervisor does for whoever has started it.

    Attributes:
        code: The exit code of the supervisor.
    """

    def __init__(
        self, supervisor: Supervisor, command: Sequence[str], environment: Mapping[str, str], *, has_terminal: bool
    ) -> None:
        """Create it; `begin` starts the work.

        Args:
            supervisor: The supervisor.
            command: The command of a child; "up" or "reload" is its last word.
            environment: The complete environment; the child gets it without the variables of the service manager.
            has_terminal: Whether a person has started it at a terminal, which can be closed.
        """
        self._supervisor, self._command = supervisor, tuple(command)
        self._manager = NotifySocket(environment)
        self._environment = {k: v for k, v in environment.items() if k not in notify_socket.VARIABLES}
        self._has_terminal = has_terminal
        self._child: subprocess.Popen[bytes] | None = None
        self._doing = ""
        self._reload_wanted = self._is_ready = False
        self._remark = self._told = ""
        self._watch = ConfigWatch(supervisor.clock)
        self.code = 0

    # --- starting and reloading

    def begin(self) -> None:
        """Bring the services up."""
        self._run(UP)
        self._look_again()
        self._manager.send(f"STATUS={self._status()}")
        if self._manager.watchdog_seconds:
            self._answer_watchdog(self._manager.watchdog_seconds / 2)

    def watch(self) -> None:
        """Reload from now on when the files of the config change."""
        if self._child is None and self._watch.changed():
            self.reload()
        self._supervisor.loop.after(self._watch.next_look, self.watch)

    def reload(self) -> None:
        """Read the config again, and hand over to what it describes; after the present start or reload, if one runs."""
        if self._supervisor.leaving:
            return
        if self._child is not None:
            self._reload_wanted = True
            return
        self._supervisor.journal.log("reload: the config is read again")
        self._run(RELOAD)
        self._manager.send_reloading(self._status())

    def _run(self, doing: str) -> None:
        self._doing, self._reload_wanted = doing, False
        self._child = subprocess.Popen(
            [*self._command, doing], env=self._environment, stdin=subprocess.DEVNULL, start_new_session=True
        )
        self._supervisor.pool.spared_children = {self._child.pid}
        self._supervisor.awaits_start = True

    def look(self) -> None:
        """See whether the child has ended; called when a process of this one has."""
        code = self._child.poll() if self._child is not None else None
        if code is not None:
            self._end_child(code)
        self._report()

    def _look_again(self) -> None:
        self.look()
        self._supervisor.loop.after(LOOK_SECONDS, self._look_again)

    def _end_child(self, code: int) -> None:
        doing, self._child, self._supervisor.pool.spared_children = self._doing, None, set()
        self._supervisor.awaits_start = False
        if self._supervisor.leaving:
            return
        record = config_record.load(self._supervisor.folder.parent)
        self._watch.applied(record.files)
        if code == 0:
            self._remark = ""
            if doing == RELOAD:
                self._supervisor.journal.write_config("ok", record.remark)
        elif doing == RELOAD or self._serves():
            refused = f"the {'reload' if doing == RELOAD else 'start'} was refused (exit code {code})"
            why = f": {record.refused}" if record.refused else ""
            self._remark = f"; {refused}{why}"
            self._supervisor.journal.write_config("refused", f"{refused}; what served before still serves{why}")
            if record.again:
                self._supervisor.loop.after(AGAIN_SECONDS, self.reload)
        else:
            self.code = WRITTEN_WRONG if code == WRITTEN_WRONG else REFUSED
            self._supervisor.journal.log(f"the start failed (exit code {code})")
            self.leave()
            return
        self._is_ready = True
        self._told = self._status()
        self._manager.send("READY=1", f"STATUS={self._told}")
        if self._reload_wanted:
            self.reload()

    # --- stopping

    def handle(self, numbers: Sequence[int]) -> None:
        """Act on signals.

        Args:
            numbers: The signals that have arrived, in their order.
        """
        for number in numbers:
            if number == signal.SIGHUP and not (self._has_terminal and has_hung_up()):
                self.reload()
            elif number == signal.SIGINT and self._supervisor.leaving:
                self._supervisor.journal.log("interrupted again: everything is killed")
                self._supervisor.kill_all()
            elif number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                self.leave()

    def leave(self) -> None:
        """Stop everything in order, then exit."""
        if self._supervisor.leaving:
            return
        self._supervisor.journal.log("stopping: requests in progress are finished first")
        self._manager.send("STOPPING=1", "STATUS=stopping: requests in progress are finished first")
        if self._child is not None:
            self._child.send_signal(signal.SIGINT)
        self._supervisor.leave(drain=True)

    def end(self) -> int:
        """Wait for the child after the loop has ended; return the exit code."""
        if self._child is not None:
            try:
                self._child.wait(CHILD_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        if not self._supervisor.leaving:
            self._manager.send("STOPPING=1", "STATUS=stopped")
        config_record.forget(self._supervisor.folder.parent)
        return self.code

    # --- reports

    def _report(self) -> None:
        status = self._status()
        if self._is_ready and status != self._told and not self._supervisor.leaving:
            self._told = status
            self._manager.send(f"STATUS={status}")

    def _status(self) -> str:
        if self._child is not None:
            return "starting the services" if self._doing == UP else "reloading: the old settings serve"
        programs = self._supervisor.programs
        serving = {name: state.serving() for name, state in self._supervisor.states.items() if state.wanted}
        profiles = [
            program.labels["profile"]
            for name, found in serving.items()
            if found and (program := programs.get((name, found.number))) and "profile" in program.labels
        ]
        down = sorted(name for name, found in serving.items() if found is None)
        lost = [name for name in down if name in self._gateway()]
        down_text = f"down: {', '.join(down)}"
        what = down_text if lost else f"serving: {', '.join(sorted(serving.keys() - set(down)))}"
        profile = f"; profile {profiles[0]}" if profiles else ""
        return f"{what}{profile}{f'; {down_text}' if down and not lost else ''}{self._remark}"

    def _gateway(self) -> dict[str, ServiceState]:
        """Return the services of the gateway that should run; others, such as the dashboard, may be down."""
        programs = self._supervisor.programs.items()
        auxiliary = {service for (service, _), program in programs if program.auxiliary}
        return {name: one for name, one in self._supervisor.states.items() if one.wanted and name not in auxiliary}

    def _serves(self) -> bool:
        """Return whether the gateway should run, and answers."""
        return bool(self._gateway()) and self._answers()

    def _answers(self) -> bool:
        """Return whether every service of the gateway that should run answers.

        One with `restart: never` is left as it is, also by whoever would replace a supervisor for its silence.
        """
        supervisor = self._supervisor
        for name, state in self._gateway().items():
            serving = state.serving()
            workers = [w for key, w in supervisor.workers.items() if serving and key[:2] == (name, serving.number)]
            if state.respawns and all(silence(worker, supervisor) for worker in workers):
                return False
        return True

    def _answer_watchdog(self, every: float) -> None:
        if self._answers() or self._child is not None:
            self._manager.send("WATCHDOG=1")
        self._supervisor.loop.after(every, lambda: self._answer_watchdog(every))


def own_environment(environment: MutableMapping[str, str]) -> dict[str, str]:
    """Return the environment with which the supervisor was started, and leave it only what its processes need.

    Args:
        environment: `os.environ`.
    """
    complete = dict(environment)
    for name in complete.keys() - set(PASSED_ON):
        del environment[name]
    return complete


def has_terminal() -> bool:
    """Return whether a person has started this process at a terminal."""
    return os.isatty(0)

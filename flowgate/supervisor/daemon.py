"""The supervisor process: one for each runtime folder, one thread, one event queue.

The first command that needs it starts it (see `client`). It exits a moment after nothing is left to run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.errors import FlowGateError
from flowgate.supervisor import adoption, legacy, orphans
from flowgate.supervisor.config_record import WATCH
from flowgate.supervisor.control_server import ControlServer
from flowgate.supervisor.housekeeping import EVERY_SECONDS, Housekeeping
from flowgate.supervisor.journal import Journal
from flowgate.supervisor.protocol import FOREGROUND, LOCK_NAME
from flowgate.supervisor.supervisor import Supervisor
from flowgate.system import open_files
from flowgate.system.clock import Clock
from flowgate.system.regular_files import open_regular

if TYPE_CHECKING:
    from flowgate.supervisor.foreground import Foreground


def run(
    folder: Path, journal: Journal, ready: Callable[[], None], foreground: Sequence[str] = (), *, watch: bool = False
) -> int:
    """Supervise until nothing is left to run.

    Args:
        folder: `run/` of the runtime folder.
        journal: The supervisor's log.
        ready: Called once the control socket accepts connections.
        foreground: The command whose child brings the services up (see `foreground`); empty in the background.
        watch: In the foreground, reload when the files of the config change.

    Returns:
        The exit code.
    """
    supervisor = Supervisor(folder, journal, Clock())
    server = ControlServer(supervisor)
    supervisor.clients = server
    adopted = adoption.find_generations(folder, supervisor.clock.now())
    orphans.sweep(folder, journal.log, spared={one.worker.record for one in adopted})
    adoption.take_over(supervisor, adopted)
    starter = _foreground(supervisor, foreground, watch)
    _handle_signals(supervisor, starter)
    server.open()
    ready()
    housekeeping = Housekeeping(supervisor, server)
    supervisor.loop.after(EVERY_SECONDS, housekeeping.run)
    if starter is not None:
        starter.begin()
    supervisor.loop.run()
    housekeeping.claims.run()  # gives back what nothing uses any more
    server.close()
    code = starter.end() if starter is not None else 0
    supervisor.pool.fork_pool.close()
    return code


def _foreground(supervisor: Supervisor, command: Sequence[str], watch: bool) -> Foreground | None:
    if not command:
        return None
    from flowgate.supervisor.foreground import Foreground, has_terminal, own_environment

    starter = Foreground(supervisor, command, own_environment(os.environ), has_terminal=has_terminal())
    if watch:
        starter.watch()
    return starter


def _handle_signals(supervisor: Supervisor, starter: Foreground | None) -> None:
    """Make signals wake the loop, which acts on them."""
    wakeup, signalled = socket.socketpair()
    wakeup.setblocking(False)
    signalled.setblocking(False)
    signal.set_wakeup_fd(signalled.detach(), warn_on_full_buffer=False)

    def wake_up() -> None:
        numbers = wakeup.recv(4096)
        if starter is not None:
            starter.handle(numbers)
        elif signal.SIGTERM in numbers or signal.SIGINT in numbers:
            supervisor.leave()
        supervisor.pool.reap()
        if starter is not None:
            starter.look()

    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if starter else ())):
        signal.signal(number, lambda *_: None)  # the wake-up byte brings the number into the loop
    supervisor.loop.watch(wakeup, wake_up)


def _lock(path: Path, *, create: bool) -> bool:
    """Lock a file until this process exits, and write the pid into it; return False when another process has it.

    Raises:
        OSError: There is no regular file, and none can be created.
    """
    try:
        lock = open_regular(path, os.O_RDWR | (os.O_CREAT if create else 0))
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    with contextlib.suppress(OSError):  # on a full disk a command has to search the process table instead
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    return True


def main(argv: list[str]) -> int:
    """Run the supervisor: `RUNTIME_DIR LOG_FILE READY_FD`, or `RUNTIME_DIR LOG_FILE foreground [watch] COMMAND…`."""
    runtime, log_file = Path(argv[0]), Path(argv[1])
    command = argv[3:] if argv[2] == FOREGROUND else []
    if watch := command[:1] == [WATCH]:
        command = command[1:]
    os.umask(0o077)
    open_files.raise_limit()
    folder, journal = runtime / "run", Journal(log_file, runtime / "events.log", echo=bool(command))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # An earlier FlowGate that is still used on this folder must not start its own supervisor beside this one.
        locked = _lock(runtime / LOCK_NAME, create=True) and _lock(runtime / legacy.LOCK_NAME, create=False)
    except OSError as error:
        journal.log(f"did not start: {error.filename} {error.strerror}")
        return 3
    if not locked:
        if command:
            journal.log(f"did not start: another supervisor runs in {runtime}")
            return 3
        os.write(int(argv[2]), b"taken\n")
        return 0

    def ready() -> None:
        if not command:
            os.write(int(argv[2]), b"ready\n")
            os.close(int(argv[2]))

    try:
        return run(folder, journal, ready, command, watch=watch)
    except FlowGateError as error:
        journal.log(f"ended: {error.what}{f'; {error.fix}' if error.fix else ''}")
        return 3
    except Exception as error:  # noqa: BLE001 - the outermost loop: a bug must reach the log before the process ends
        journal.log_traceback(error)
        return 70


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The keeper's process: one a runtime folder, one thread, one queue.

Started by the first command that needs it (`client`), gone a moment after nothing is left to keep.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from flowgate.supervisor import adoption, orphans
from flowgate.supervisor.journal import Journal
from flowgate.supervisor.protocol import LOCK_NAME
from flowgate.supervisor.supervisor import WATCH_SECONDS, Supervisor
from flowgate.system.clock import Clock


def run(folder: Path, journal: Journal, ready: Callable[[], None]) -> None:
    """Keep, until there is nothing left to keep.

    Args:
        folder: `run/` of the runtime folder.
        ready: Called once the socket answers.
    """
    supervisor = Supervisor(folder, journal, Clock())
    adopted = adoption.adopt(folder, supervisor.clock.now())
    orphans.sweep(folder, journal, spared={one.running.record for one in adopted})
    adoption.take_over(supervisor, adopted)
    wake, ring = socket.socketpair()
    wake.setblocking(False)
    ring.setblocking(False)
    signal.set_wakeup_fd(ring.fileno(), warn_on_full_buffer=False)

    def woken() -> None:
        numbers = wake.recv(4096)
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            supervisor.leave()
        supervisor.reap()

    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # the wake-up byte carries it into the loop
    supervisor.loop.watch(wake, woken)
    supervisor.control_server.open_doors()
    ready()
    supervisor.loop.after(WATCH_SECONDS, supervisor.watch)
    supervisor.loop.run()
    supervisor.control_server.close_doors()
    supervisor.fork_pool.close()


def main(argv: list[str]) -> int:
    """Run the keeper: `RUNTIME_DIR LOG_FILE READY_FD`."""
    runtime, log_file, ready_fd = Path(argv[0]), Path(argv[1]), int(argv[2])
    os.umask(0o077)
    folder = runtime / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(runtime / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.write(ready_fd, b"taken\n")
        return 0
    with contextlib.suppress(OSError):  # on a full disk a command has to look for us instead
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    journal = Journal(log_file, runtime / "events.log")

    def ready() -> None:
        os.write(ready_fd, b"ready\n")
        os.close(ready_fd)

    try:
        run(folder, journal, ready)
    except Exception as bug:  # noqa: BLE001 - the outermost loop: a bug of ours must reach the log before it ends the keeper
        journal.bug(bug)
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

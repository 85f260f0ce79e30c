"""Find, start and replace the supervisor process of a runtime folder."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import cast

from flowgate.errors import DiskError, EnvironmentFailure
from flowgate.supervisor import legacy
from flowgate.supervisor.protocol import CHUNK_BYTES, FOREGROUND, LOCK_NAME, SOCKET_NAME, Lines, Reply, Request, encode
from flowgate.supervisor.status_document import StatusDocument
from flowgate.system import files, process_table, processes, sockets
from flowgate.system.clock import Clock, poll
from flowgate.system.processes import Identity

DAEMON = "flowgate.supervisor.daemon"
BOOT_SECONDS = 30.0
REPLY_SECONDS = 5.0
KILL_SECONDS = 5.0
PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "LC_ALL", "TMPDIR")


def find(runtime: Path) -> Identity | None:
    """Find the supervisor of a runtime folder: by the pid in its lock file, else in the process table."""
    pid = _locked_pid(runtime / LOCK_NAME)
    words = (DAEMON, str(runtime))
    if pid is not None:
        return processes.identify(pid) if set(words) <= set(process_table.argv(pid)) else None
    found = processes.find(words)
    return processes.identify(found) if found is not None else None


def is_foreground(process: Identity) -> bool:
    """Return whether a supervisor was started by a person or a service manager, who keep it, and not by a command."""
    return FOREGROUND in process_table.argv(process.pid)


def find_legacy(runtime: Path) -> Identity | None:
    """Find a supervisor that an earlier FlowGate started under its old names."""
    pid = _locked_pid(runtime / legacy.LOCK_NAME)
    if pid is None or not {legacy.DAEMON, str(runtime)} <= set(process_table.argv(pid)):
        return None
    return processes.identify(pid)


def _locked_pid(lock: Path) -> int | None:
    text = (files.read_text_or_none(lock) or "").strip()
    return int(text) if text.isdigit() else None


def kill(process: Identity) -> None:
    """Kill a supervisor, and wait until it has gone.

    Raises:
        EnvironmentFailure: It is still there.
    """
    processes.signal_tree([process], signal.SIGKILL)
    if not poll(lambda: not processes.alive(process), Clock(), timeout=KILL_SECONDS):
        raise EnvironmentFailure(f"the supervisor (pid {process.pid}) cannot be killed", fix=f"kill -9 {process.pid}")


def replace(process: Identity, sock: socket.socket | None) -> None:
    """Kill a supervisor of an earlier FlowGate; the next one adopts its generations, which serve all the time.

    Args:
        process: The supervisor.
        sock: Connection to it, to ask whether a command uses it; None when it does not listen.

    Raises:
        EnvironmentFailure: A command of the earlier FlowGate is starting services right now. Nothing was killed.
    """
    if sock is not None and _has_leases(sock):
        raise EnvironmentFailure(
            "a command of an earlier FlowGate is starting services", fix="run the command again when it has ended"
        )
    kill(process)


def take_over(runtime: Path) -> int | None:
    """End the supervisor that commands have started; the next one adopts its generations, which serve all the time.

    Args:
        runtime: The runtime folder.

    Returns:
        Its pid; None if none runs.

    Raises:
        EnvironmentFailure: It runs in the foreground, or a command is starting services right now. Nothing was killed.
    """
    process = find(runtime)
    if process is None:
        return None
    if is_foreground(process):
        raise EnvironmentFailure(f"process {process.pid} keeps it in the foreground", fix="inv down ends that process")
    sock = sockets.connect_unix(sockets.unix_path(runtime / "run", SOCKET_NAME), REPLY_SECONDS)
    try:
        replace(process, sock)
    finally:
        if sock is not None:
            sock.close()
    return process.pid


def replace_legacy(runtime: Path) -> bool:
    """Replace a supervisor that runs under its old names; return whether there was one."""
    process = find_legacy(runtime)
    if process is None:
        return False
    sock = sockets.connect_unix(sockets.unix_path(runtime / "run", legacy.SOCKET_NAME), REPLY_SECONDS)
    try:
        replace(process, sock)
    finally:
        if sock is not None:
            sock.close()
    return True


def _has_leases(sock: socket.socket) -> bool:
    try:
        reply = exchange(sock, {"verb": "status"}, REPLY_SECONDS)
    except TimeoutError:
        reply = None
    if reply is None:  # it hangs
        return False
    # The status document was the reply itself before the protocol had a version.
    document = reply["status"] if "status" in reply else cast("StatusDocument", reply)
    return any(one.get("leased") for service in document["services"].values() for one in service["generations"])


def exchange(sock: socket.socket, request: Request, timeout: float) -> Reply | None:
    """Send one request and return the first reply; None when the connection is cut, or is no supervisor's.

    Raises:
        TimeoutError: Nothing comes in time.
    """
    lines = Lines[Reply]()
    sock.settimeout(timeout)
    try:
        sock.sendall(encode(request))
        while data := sock.recv(CHUNK_BYTES):
            if replies := lines.feed(data):
                return replies[0]
    except TimeoutError:
        raise
    except (OSError, ValueError):
        return None
    return None


def find_stranger(sock: socket.socket, runtime: Path) -> int | None:
    """Return the pid of the process at the other end of a connection, when it is no supervisor of this folder.

    Args:
        sock: A connection to the control socket.
        runtime: The runtime folder.

    Returns:
        The pid; None for a supervisor, and when it is not known.
    """
    pid = sockets.peer_pid(sock)
    argv = process_table.argv(pid) if pid else []
    return pid if argv and not (str(runtime) in argv and {DAEMON, legacy.DAEMON} & set(argv)) else None


def start(runtime: Path, log_file: Path) -> str:
    """Start a supervisor, and wait until it accepts connections.

    Args:
        runtime: The runtime folder.
        log_file: The supervisor's log.

    Returns:
        "ready"; "taken" when another supervisor has the folder; empty when it did not start.

    Raises:
        DiskError: The log cannot be written.
    """
    files.make_private_folder(runtime / "run")
    files.make_private_folder(log_file.parent)
    reading, writing = os.pipe()
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    argv = [sys.executable, "-m", DAEMON, str(runtime), str(log_file), str(writing)]
    try:
        with os.fdopen(processes.open_log(log_file), "ab") as log:
            process = subprocess.Popen(
                argv,
                cwd="/",
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(writing,),
                start_new_session=True,
                umask=0o077,
            )
        process.returncode = 0  # it outlives this command on purpose; Popen would warn about that
    except OSError as fault:
        raise DiskError(f"{log_file}: {fault.strerror}", fix="make the folder writable") from None
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        readable, _, _ = select.select([pipe], [], [], BOOT_SECONDS)
        return pipe.readline().decode().strip() if readable else ""

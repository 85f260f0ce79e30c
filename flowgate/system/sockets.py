"""TCP sockets: listening, free ports, and which process listens on a port.

Unix sockets are in `unix_sockets`; their functions can be imported from here too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import socket
import sys
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

from flowgate.errors import EnvironmentFailure
from flowgate.system import process_table, processes
from flowgate.system.unix_sockets import connect_unix, listen_unix, peer_pid, unix_path

__all__ = [
    "Owner",
    "accepts_connections",
    "connect_unix",
    "free_port",
    "free_ports",
    "is_free",
    "is_loopback",
    "is_owned_by",
    "listen",
    "listen_unix",
    "owner",
    "peer_pid",
    "stop_listening",
    "unix_path",
]

LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - only compared with
FREE_PORTS = range(20_000, 30_000)  # below the range that systems use for outgoing connections
CANDIDATES = 200

Owner = tuple[int | None, str]


def listen(host: str, port: int, *, backlog: int = 2048) -> socket.socket:
    """Listen on an address.

    Args:
        host: The address.
        port: The port; 0 chooses a free one.
        backlog: How many connections can wait to be accepted; the kernel may allow fewer.

    Raises:
        EnvironmentFailure: The port is in use, or the address is not ours.
    """
    sock = socket.socket(_family(host), socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise EnvironmentFailure(f"port {host}:{port} {reason}", fix="choose another port in the config") from None
    return sock


def stop_listening(listeners: Iterable[socket.socket]) -> None:
    """Refuse new connections, also in the processes that have inherited a socket.

    Source: on Linux shutdown(2) ends LISTEN for all holders; elsewhere it may fail, and the last `close` does it
    """
    for listener in listeners:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RD)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def is_free(host: str, port: int) -> bool:
    """Return whether we could listen on an address now."""
    try:
        listen(host, port).close()
    except EnvironmentFailure:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is a loopback one."""
    name = host.lower()
    if name in ("localhost", "::1") or name.endswith(".localhost"):
        return True
    digits = name.removeprefix("::ffff:")
    return digits.startswith("127.") and digits.replace(".", "").isdigit()


def accepts_connections(host: str, port: int, seconds: float) -> bool:
    """Return whether an address accepts a connection, which is closed at once.

    Args:
        host: The address.
        port: The port.
        seconds: The timeout.
    """
    try:
        socket.create_connection((host, port), seconds).close()
    except (OSError, UnicodeError):  # refused, timed out, or an unknown host name
        return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port on which no process listens now."""
    with listen(host, 0) as sock:
        return int(sock.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """Return different loopback ports on which no process listens now.

    Args:
        count: How many.

    Raises:
        EnvironmentFailure: There are not enough free ports.
    """
    candidates = random.sample(FREE_PORTS, CANDIDATES + count)
    found = list(islice((port for port in candidates if is_free("127.0.0.1", port)), count))
    if len(found) < count:
        raise EnvironmentFailure(f"there are no {count} free ports on 127.0.0.1")
    return found


def owner(host: str, port: int) -> Owner | None:
    """Return the process that listens on an address, or on the same port of all addresses.

    Args:
        host: The address.
        port: The port.

    Returns:
        (pid, description); (None, "") for another user's process; None if the port is free.
    """
    addresses = {*WILDCARDS, _resolved(host)}
    pid = _proc_owner(addresses, host, port) if process_table.LINUX else _psutil_owner(addresses, host, port)
    if pid:
        return pid, processes.describe(pid)
    return (None, "") if pid == 0 or not is_free(host, port) else None


def is_owned_by(host: str, port: int, pids: Collection[int]) -> bool | None:
    """Return whether one of some processes listens on an address.

    Only these processes are examined; `owner` examines all, which takes ten times as long.

    Args:
        host: The address.
        port: The port.
        pids: The processes.

    Returns:
        None if it is unknown.
    """
    if not process_table.LINUX:
        found = owner(host, port)
        return found[0] in pids if found and found[0] is not None else None
    addresses = {*WILDCARDS, _resolved(host)}
    links = {f"socket:[{inode}]" for address, inode in _listeners(port) if address in addresses}
    return any(_has_open(process_table.PROC / str(pid) / "fd", links) for pid in pids) if links else None


def _resolved(host: str) -> str:
    """Resolve a host name; return an address, or an unknown name, unchanged."""
    if ":" in host or host.replace(".", "").isdigit():
        return host
    try:
        return socket.gethostbyname(host)
    except OSError:
        return host


def _proc_owner(addresses: set[str], host: str, port: int) -> int | None:
    """Return the pid of the listener; 0 if it is not visible; None if there is none."""
    inodes = {inode for address, inode in _listeners(port) if address in addresses or host in WILDCARDS}
    if not inodes:
        return None
    links = {f"socket:[{inode}]" for inode in inodes}
    pids = [pid for pid in process_table.pids() if _has_open(process_table.PROC / str(pid) / "fd", links)]
    # An inherited socket is open in several processes; the oldest one created it.
    found = [one for one in map(processes.identify, pids) if one is not None]
    return min(found, key=lambda one: (one.ticks, one.pid)).pid if found else 0


def _has_open(folder: Path, links: set[str]) -> bool:
    try:
        for name in os.listdir(folder):  # noqa: PTH208 - strings, because a busy machine has 100,000 of them
            try:
                if os.readlink(f"{folder}/{name}") in links:  # noqa: PTH115
                    return True
            except FileNotFoundError:  # closed meanwhile
                continue
    except OSError:  # it belongs to another user, or has ended
        return False
    return False


def _listeners(port: int) -> Iterator[tuple[str, str]]:
    """Read (address, inode) of every listening socket on a port from /proc.

    Source: proc_net_tcp.txt in the kernel's documentation: `sl local_address rem_address st … uid timeout inode`, an
        address as hexadecimal 32-bit words in the machine's byte order
    """
    for name in ("tcp", "tcp6"):
        try:
            lines = (process_table.PROC / "net" / name).read_text().splitlines()[1:]
        except OSError:  # no IPv6 on this machine
            continue
        for fields in map(str.split, lines):
            address, _, number = fields[1].partition(":")
            if fields[3] == LISTENING and int(number, 16) == port:
                yield _address(address), fields[9]


def _address(text: str) -> str:
    words = [bytes.fromhex(text[at : at + 8]) for at in range(0, len(text), 8)]
    raw = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, raw).removeprefix("::ffff:")


def _psutil_owner(addresses: set[str], host: str, port: int) -> int | None:
    """Return the pid of the oldest visible listener; None if there is none."""
    import psutil

    found: list[tuple[float, int]] = []
    for process in psutil.process_iter():
        try:
            for one in process.net_connections(kind="tcp"):
                listening = one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port
                if listening and (one.laddr.ip.removeprefix("::ffff:") in addresses or host in WILDCARDS):
                    found.append((process.create_time(), process.pid))
        except psutil.Error:  # it belongs to another user, or has ended
            continue
    return min(found)[1] if found else None

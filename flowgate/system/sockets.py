"""Sockets: who listens where, and our own listeners."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from flowgate.errors import DiskError, EnvironmentFailure, Unreachable
from flowgate.system import process_table, processes
from flowgate.system.disk_errors import SHARED, disk_error, make_own_folder, translate_os_errors

LONGEST = 100  # bytes of a socket's path; the kernels take 103 (macOS) and 107 (Linux)
LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared with, never bound

Owner = tuple[int | None, str]


# --- TCP


def listen(host: str, port: int, *, backlog: int = 2048) -> socket.socket:
    """Listen on an address; port 0 takes a free one.

    Args:
        backlog: How many connections may wait to be accepted; the kernel may allow fewer.

    Raises:
        EnvironmentFailure: , naming the port.
    """
    sock = socket.socket(_family(host), socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(backlog)
    except OSError as fault:
        sock.close()
        words = "is taken" if fault.errno == errno.EADDRINUSE else f"cannot be used: {fault.strerror}"
        raise EnvironmentFailure(f"port {host}:{port} {words}", fix="choose another port in the config") from None
    return sock


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def is_free(host: str, port: int) -> bool:
    """Say whether we could listen on an address now."""
    try:
        listen(host, port).close()
    except EnvironmentFailure:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Say whether a host's name or address means this machine."""
    return host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdigit())


def accepts_connections(host: str, port: int, seconds: float) -> bool:
    """Say whether somebody takes a connection on an address within so many seconds; it is closed at once."""
    try:
        socket.create_connection((host, port), seconds).close()
    except (OSError, UnicodeError):  # refused, silent, or a name that nobody knows
        return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """Give a port that nobody listens on just now."""
    with listen(host, 0) as sock:
        return int(sock.getsockname()[1])


def owner(host: str, port: int) -> Owner | None:
    """Say who listens on an address, or on that port of every address.

    Returns:
        (pid, command); (None, "") when the process is another user's; None when the port is free.
    """
    wanted = {*WILDCARDS, _numbers(host)}
    pid = _kernel_owner(wanted, host, port) if process_table.LINUX else _psutil_owner(wanted, host, port)
    if pid:
        return pid, processes.describe(pid)
    return (None, "") if pid == 0 or not is_free(host, port) else None


def is_owned_by(host: str, port: int, pids: Collection[int]) -> bool | None:
    """Say whether one of these processes listens on an address; None where that cannot be told.

    Looks into those processes only: `owner` looks into all, which takes ten times as long.
    """
    if not process_table.LINUX:
        found = owner(host, port)
        return found[0] in pids if found and found[0] is not None else None
    wanted = {*WILDCARDS, _numbers(host)}
    links = {f"socket:[{inode}]" for address, inode in _listeners(port) if address in wanted}
    return any(_holds(process_table.PROC / str(pid) / "fd", links) for pid in pids) if links else None


def _numbers(host: str) -> str:
    """Give the address that a name stands for; an address, or a name that nobody knows, as it is."""
    if ":" in host or host.replace(".", "").isdigit():
        return host
    try:
        return socket.gethostbyname(host)
    except OSError:
        return host


def _kernel_owner(wanted: set[str], host: str, port: int) -> int | None:
    """Give the pid; 0 when somebody listens whom we cannot see; None when nobody does."""
    inodes = {inode for address, inode in _listeners(port) if address in wanted or host in WILDCARDS}
    if not inodes:
        return None
    links = {f"socket:[{inode}]" for inode in inodes}
    pids = [pid for pid in process_table.pids() if _holds(process_table.PROC / str(pid) / "fd", links)]
    # A lent socket is open in several processes; the oldest is the one that made it.
    named = [one for one in map(processes.identify, pids) if one is not None]
    return min(named, key=lambda one: (one.ticks, one.pid)).pid if named else 0


def _holds(folder: Path, links: set[str]) -> bool:
    try:
        for name in os.listdir(folder):  # noqa: PTH208 - texts, not paths: a busy machine has a hundred thousand of them
            try:
                if os.readlink(f"{folder}/{name}") in links:  # noqa: PTH115
                    return True
            except FileNotFoundError:  # closed while we looked
                continue
    except OSError:  # another user's, or it ended
        return False
    return False


def _listeners(port: int) -> Iterator[tuple[str, str]]:
    """Read the listening addresses of a port from the kernel's tables: (address, inode).

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


def _address(written: str) -> str:
    words = [bytes.fromhex(written[at : at + 8]) for at in range(0, len(written), 8)]
    raw = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, raw).removeprefix("::ffff:")


def _psutil_owner(wanted: set[str], host: str, port: int) -> int | None:
    """Give the pid of the oldest listener that we may see; None when we see none."""
    import psutil

    found: list[tuple[float, int]] = []
    for process in psutil.process_iter():
        try:
            for one in process.net_connections(kind="tcp"):
                listening = one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port
                if listening and (one.laddr.ip.removeprefix("::ffff:") in wanted or host in WILDCARDS):
                    found.append((process.create_time(), process.pid))
        except psutil.Error:  # another user's, or it ended
            continue
    return min(found)[1] if found else None


# --- Unix sockets


def unix_path(folder: Path, name: str, *, shared: Path = SHARED) -> Path:
    """Say where a Unix socket of a folder lies: in it, or, when that path is too long, in a private folder elsewhere.

    Args:
        shared: The folder for short paths, where strangers write too.

    Returns:
        The same path every time, however the folder is spelled.

    Raises:
        DiskError: Somebody else made that private folder.
    """
    path = folder / name
    if len(os.fsencode(path)) <= LONGEST:
        return path
    from hashlib import sha256

    ours = make_own_folder(shared / f"flowgate-{os.getuid()}")
    return make_own_folder(ours / sha256(os.fsencode(folder.resolve())).hexdigest()[:16]) / name


def listen_unix(path: Path, *, backlog: int = 128) -> socket.socket:
    """Listen on a Unix socket (0600); a file that a dead listener left there is replaced.

    Raises:
        EnvironmentFailure: Somebody answers there.
        DiskError: See the message.
    """
    _clear(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(0o600)  # before anybody can connect: that takes `listen`
        sock.listen(backlog)
    except OSError as fault:
        sock.close()
        if fault.errno == errno.EADDRINUSE:
            raise EnvironmentFailure(f"somebody else listens on {path}") from None
        raise disk_error(path, fault) from None
    return sock


def _clear(path: Path) -> None:
    with translate_os_errors(path):
        try:
            is_socket = stat.S_ISSOCK(path.lstat().st_mode)
        except FileNotFoundError:
            return
        if not is_socket:
            raise DiskError(f"{path} is not a socket", fix="move it away")
        try:
            there = connect_unix(path, 1.0)
        except Unreachable:  # it listens, but is too busy to take us
            raise EnvironmentFailure(f"somebody else listens on {path}") from None
        if there is not None:
            there.close()
            raise EnvironmentFailure(f"somebody else listens on {path}")
        path.unlink(missing_ok=True)


def connect_unix(path: Path, timeout: float) -> socket.socket | None:
    """Connect to a Unix socket; None when it is absent or nobody listens on it.

    Args:
        timeout: Seconds, for this and everything that is later done with the connection.

    Raises:
        Unreachable: It does not take us in time.
        DiskError: We may not connect.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    try:
        sock.connect(str(path))
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        sock.close()
        return None
    except (TimeoutError, BlockingIOError):  # Linux says the latter at once when the queue is full
        sock.close()
        raise Unreachable(f"whoever listens on {path} takes no more connections") from None
    except OSError as fault:
        sock.close()
        raise disk_error(path, fault) from None
    return sock

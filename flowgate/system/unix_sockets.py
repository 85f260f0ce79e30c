"""Unix sockets: paths, listening, connecting."""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from pathlib import Path

from flowgate.errors import DiskError, EnvironmentFailure, Unreachable
from flowgate.system.disk_errors import SHARED_FOLDER, disk_error, make_own_folder, translate_os_errors
from flowgate.system.regular_files import kind_of

MAX_PATH_BYTES = 100  # macOS allows 103, Linux 107


def unix_path(folder: Path, name: str, *, shared: Path = SHARED_FOLDER) -> Path:
    """Return the path of a folder's Unix socket: in the folder or, if that is too long, in a private folder elsewhere.

    Args:
        folder: The folder.
        name: The socket's file name.
        shared: The folder for short paths, in which other users can write too.

    Returns:
        The same path every time, however the folder is spelled.

    Raises:
        DiskError: The private folder belongs to another user.
    """
    path = folder / name
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        return path
    from hashlib import sha256

    ours = make_own_folder(shared / f"flowgate-{os.getuid()}")
    private = ours / sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    if not private.is_dir():
        from flowgate.system.sweeping import sweep_socket_folders

        sweep_socket_folders(ours)
    return make_own_folder(private) / name


def not_a_socket(path: Path) -> str:
    """Return what stands in the place of a socket ("a folder"); empty for a socket, and if nothing is there.

    Args:
        path: The socket.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return ""
    if stat.S_ISSOCK(mode):
        return ""
    return "a link" if stat.S_ISLNK(mode) else kind_of(mode) or "a file"


def listen_unix(path: Path, *, backlog: int = 128) -> socket.socket:
    """Listen on a Unix socket (0600); replace the file of a listener that has ended.

    Args:
        path: The socket.
        backlog: How many connections can wait to be accepted.

    Raises:
        EnvironmentFailure: Another process listens there.
        DiskError: The path is not a socket, or cannot be created.
    """
    _delete_stale_socket(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(0o600)  # before `listen`, so that no other user can connect
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise _in_use(path) from None
        raise disk_error(path, error) from None
    return sock


def _delete_stale_socket(path: Path) -> None:
    with translate_os_errors(path):
        try:
            is_socket = stat.S_ISSOCK(path.lstat().st_mode)
        except FileNotFoundError:
            return
        if not is_socket:
            raise DiskError(f"{path} is not a socket", fix="move it away")
        try:
            connection = connect_unix(path, 1.0)
        except Unreachable:  # a busy listener
            raise _in_use(path) from None
        if connection is not None:
            connection.close()
            raise _in_use(path)
        path.unlink(missing_ok=True)


def peer_pid(sock: socket.socket) -> int | None:
    """Return the process that listens at the other end of a connection; None where the system does not say.

    Source: unix(7): SO_PEERCRED returns the credentials at the time of `listen`
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    try:
        pid: int = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))[0]
    except OSError:
        return None
    return pid or None


def _in_use(path: Path) -> EnvironmentFailure:
    return EnvironmentFailure(f"another process listens on {path}")


def connect_unix(path: Path, timeout: float) -> socket.socket | None:
    """Connect to a Unix socket.

    Args:
        path: The socket.
        timeout: Seconds for the connection, and for every later operation on it.

    Returns:
        The connection; None if the socket does not exist or no process listens on it.

    Raises:
        Unreachable: The listener does not accept the connection in time.
        DiskError: We may not connect.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    try:
        sock.connect(str(path))
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        sock.close()
        return None
    except (TimeoutError, BlockingIOError):  # Linux raises the latter when the queue is full
        sock.close()
        raise Unreachable(f"the listener on {path} does not accept the connection") from None
    except OSError as error:
        sock.close()
        raise disk_error(path, error) from None
    return sock

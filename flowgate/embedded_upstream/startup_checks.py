"""What must succeed before the program can serve: the auth folder and the port."""

from __future__ import annotations

import errno
import socket
import stat
from pathlib import Path


class StartupError(Exception):
    """The program cannot serve; the text is what the real program logs before it exits with 0."""


def make_folder(path: str) -> bool:
    """Create the auth folder, private, if it is missing.

    Args:
        path: The folder as configured. The real program does not start without one either.

    Returns:
        Whether it was created.

    Raises:
        StartupError: It cannot be created or is not a directory.

    Source: v6.8.16-0, sdk/cliproxy/service.go, `ensureAuthDir`
    """
    if not path:
        raise StartupError("cliproxy: failed to create auth directory : mkdir : no such file or directory")
    folder = Path(path)
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        return _make(folder)
    except OSError as error:
        reason = _reason(error)
        raise StartupError(f"cliproxy: error checking auth directory {path}: stat {path}: {reason}") from None
    if not stat.S_ISDIR(mode):
        raise StartupError(f"cliproxy: auth path exists but is not a directory: {path}")
    return False


def _make(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        where = f"mkdir {error.filename}: {_reason(error)}"
        raise StartupError(f"cliproxy: failed to create auth directory {folder}: {where}") from None
    return True


def listen(host: str, port: int) -> socket.socket:
    """Bind a socket to the port.

    Args:
        host: Address to bind.
        port: Port to bind; 0 for a free one.

    Raises:
        StartupError: The port is taken or invalid.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio sets no TCP_NODELAY
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OverflowError:
        listener.close()
        raise StartupError(f"failed to start HTTP server: listen tcp: address {port}: invalid port") from None
    except OSError as error:
        listener.close()
        reason = "address already in use" if error.errno == errno.EADDRINUSE else _reason(error)
        raise StartupError(f"failed to start HTTP server: listen tcp {host}:{port}: bind: {reason}") from None
    return listener


def _reason(error: OSError) -> str:
    return (error.strerror or "").lower()

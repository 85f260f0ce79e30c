"""Delete what earlier runs left in FlowGate's folder below `/tmp`: old bug files, and folders of dead sockets."""

from __future__ import annotations

import re
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

KEPT_BUG_FILES = 20
IDLE_SECONDS = 86_400.0  # a folder younger than this may belong to a command that is just starting
SOCKET_FOLDER = re.compile(r"[0-9a-f]{16}")


def sweep_bug_files(folder: Path) -> None:
    """Delete all bug files but the newest.

    Args:
        folder: FlowGate's folder; what cannot be deleted stays.
    """
    with suppress(OSError):
        for old in sorted(folder.glob("bug-*.txt"), reverse=True)[KEPT_BUG_FILES:]:  # names begin with the time
            old.unlink(missing_ok=True)


def sweep_socket_folders(folder: Path, *, idle: float = IDLE_SECONDS) -> None:
    """Delete the folders of sockets on which nobody listens any more.

    Args:
        folder: FlowGate's folder; what cannot be deleted stays.
        idle: Seconds since the last change of a folder.
    """
    with suppress(OSError):
        for one in list(folder.iterdir()):
            info = one.lstat()
            if not (SOCKET_FOLDER.fullmatch(one.name) and stat.S_ISDIR(info.st_mode)):
                continue
            if time.time() - info.st_mtime < idle:
                continue
            with suppress(OSError):  # something in it lives, or is not ours
                for path in list(one.iterdir()):
                    if _is_dead_socket(path):
                        path.unlink()
                one.rmdir()


def _is_dead_socket(path: Path) -> bool:
    if not stat.S_ISSOCK(path.lstat().st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(1.0)
        try:
            sock.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False

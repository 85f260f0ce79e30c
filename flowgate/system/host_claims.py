"""Whose a folder is, if it may be on a network file system: a file in it with the host and its boot, renewed regularly.

A lock of the operating system would not do: over NFS and SMB it may hold on one host only. The file system's own clock
tells how old a claim is, because the clocks of two hosts differ.
"""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from flowgate.system import files
from flowgate.system.atomic_write import write_atomic

NAME = ".flowgate-host"
RENEW_SECONDS = 10.0
STALE_SECONDS = 60.0
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Claim(NamedTuple):
    """Who uses a folder.

    Attributes:
        host: Name of the host.
        boot: Identifier of its boot: a host that was started again has another one, also under the same name.
        user: What uses the folder there: the runtime folder of a gateway.
    """

    host: str
    boot: str
    user: str


def own_claim(user: Path) -> Claim:
    """Return the claim of this host.

    Args:
        user: The runtime folder.
    """
    boot = ""
    with suppress(OSError):
        boot = BOOT_ID.read_text().strip()
    return Claim(socket.gethostname(), boot, str(user))


def other_holder(folder: Path, own: Claim) -> Claim | None:
    """Return who else uses a folder now; None if nobody does, or if the last renewal is too long ago.

    Args:
        folder: The folder.
        own: The claim of this host.
    """
    path = folder / NAME
    try:
        tree = json.loads(files.read_text_or_none(path) or "null")
        found = Claim(str(tree["host"]), str(tree["boot"]), str(tree["user"]))
        age = _now_there(folder) - path.stat().st_mtime
    except (OSError, ValueError, TypeError, KeyError):  # absent, or not ours
        return None
    if found == own or age >= STALE_SECONDS:
        return None
    return None if _ended_with_its_boot(found, own) else found


def _ended_with_its_boot(found: Claim, own: Claim) -> bool:
    """Return whether a claim is of this host before it was started again."""
    return found.host == own.host and found.user == own.user and found.boot != own.boot


def _now_there(folder: Path) -> float:
    """Return the time of the file system on which a folder is."""
    path = folder / f"{NAME}.{os.getpid()}"
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        return path.stat().st_mtime
    except OSError:  # it cannot be written
        return time.time()
    finally:
        with suppress(OSError):
            path.unlink()


def renew(folder: Path, own: Claim) -> Claim | None:
    """Claim a folder, or renew the claim; return who else uses it, if somebody does.

    Args:
        folder: The folder; nothing is done if it does not exist.
        own: The claim of this host.
    """
    if not folder.is_dir():
        return None
    other = other_holder(folder, own)
    if other is None:
        path = folder / NAME
        write_atomic(path, json.dumps(own._asdict()) + "\n")
        os.utime(path)
    return other


def release(folder: Path, own: Claim) -> None:
    """Give a folder back, if this host has it.

    Args:
        folder: The folder.
        own: The claim of this host.
    """
    path = folder / NAME
    with suppress(OSError, ValueError):
        if json.loads(files.read_text_or_none(path) or "null") == own._asdict():
            path.unlink()

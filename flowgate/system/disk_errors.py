"""What a disk may refuse, in our words; and folders that only their owner can enter."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowgate.errors import DiskError

PRIVATE_FOLDER = 0o700
SHARED = Path("/tmp")  # noqa: S108 - short, and not TMPDIR: two shells with different ones must find the same thing
NOT_OURS = "give yourself access to it (ls -ld shows whose it is), or set paths.runtime_dir to a folder of your own"
WAYS_OUT = {
    errno.ENOSPC: "free some space there, then run the command again",
    errno.EDQUOT: "free some of your quota there, then run the command again",
    errno.EROFS: "its file system is read-only: set paths.runtime_dir to a folder that can be written",
    errno.EACCES: NOT_OURS,
    errno.EPERM: NOT_OURS,
    errno.ENOTDIR: "a file stands where a folder belongs: move it away",
    errno.EEXIST: "a file stands where a folder belongs: move it away",
    errno.EISDIR: "a folder stands where a file belongs: move it away",
    errno.ELOOP: "a link stands where a file belongs: move it away",
}


def disk_error(path: Path, fault: OSError) -> DiskError:
    """Turn the system's refusal into ours: the path, the system's words, a way out."""
    words = fault.strerror or str(fault)
    return DiskError(f"{path}: {words[:1].lower()}{words[1:]}", fix=WAYS_OUT.get(fault.errno or 0, ""))


@contextmanager
def translate_os_errors(path: Path) -> Iterator[None]:
    """Let the body touch `path`; whatever the system refuses becomes DiskError."""
    try:
        yield
    except OSError as fault:
        raise disk_error(path, fault) from None


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter, and its parents likewise; those that are there stay as they are.

    Raises:
        DiskError: See the message.
    """
    with translate_os_errors(path):
        _make(path)


def _make(path: Path) -> None:
    if path.is_dir():
        return
    if not path.parent.is_dir():
        _make(path.parent)
    try:
        path.mkdir(PRIVATE_FOLDER)
        path.chmod(PRIVATE_FOLDER)  # a umask may have taken away even the owner's part
    except FileExistsError:  # another process was faster, or a file stands there
        if not path.is_dir():
            raise


def make_own_folder(path: Path) -> Path:
    """Make a private folder in a place where strangers write too; believe one that is there only if it is ours.

    Returns:
        The path.

    Raises:
        DiskError: It is a link, or somebody else's.
    """
    with translate_os_errors(path):
        try:
            path.mkdir(PRIVATE_FOLDER)
        except FileExistsError:
            pass
        about = path.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
            raise DiskError(f"{path} is not a folder of yours", fix=f"move it away (ls -ld {path} shows whose it is)")
        path.chmod(PRIVATE_FOLDER)
    return path


def free_bytes(path: Path) -> int:
    """Say how many bytes we may still write where `path` is, or will be.

    Raises:
        DiskError: See the message.
    """
    there = next((one for one in (path, *path.parents) if one.exists()), Path("/"))
    with translate_os_errors(there):
        about = os.statvfs(there)
    return about.f_bavail * about.f_frsize

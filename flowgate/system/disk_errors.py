"""Translate OSError into DiskError; create private folders."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowgate.errors import DiskError

PRIVATE_FOLDER = 0o700
SHARED_FOLDER = Path("/tmp")  # noqa: S108 - not TMPDIR: shells with different values must find the same socket
# Names of folders that exist only while something is prepared in them: beside its place, or a temporary one.
STAGING = re.compile(r".*\.(staging|building)|flowgate-[a-z-]+-[0-9]+-\w+")
NO_ACCESS = "give yourself access to it (ls -ld shows its owner), or set paths.runtime_dir to a folder of your own"
NO_INODES = "delete files there that nobody needs (df -i shows the number), then run the command again"
FULL = (errno.ENOSPC, errno.EDQUOT)
FIXES = {
    errno.ENOSPC: "free some space there (df -h shows what is left), then run the command again",
    errno.EDQUOT: "free some of your quota there, then run the command again",
    errno.EROFS: "its file system is read-only: set paths.runtime_dir to a writable folder",
    errno.EACCES: NO_ACCESS,
    errno.EPERM: NO_ACCESS,
    errno.ENOTDIR: "a file exists where a folder is needed: move it away",
    errno.EEXIST: "a file exists where a folder is needed: move it away",
    errno.EISDIR: "a folder exists where a file is needed: move it away",
    errno.ENAMETOOLONG: "use a shorter path",
    errno.ELOOP: "a link exists where a file is needed: move it away",
}


def disk_error(path: Path, error: OSError) -> DiskError:
    """Translate an OSError.

    Args:
        path: The file or folder in use.
        error: What the system reported.

    Returns:
        An error with the path, the system's message and a fix.
    """
    message = error.strerror or str(error)
    fix = FIXES.get(error.errno or 0, "")
    if isinstance(error, NotRegularFile):
        return DiskError(f"{path} {message}", fix="move it away, then run the command again")
    if error.errno in FULL:
        path = lasting(path)
    if error.errno == errno.ENOSPC and free_inodes(path) == 0:
        message, fix = "its file system has no free inodes", NO_INODES
    return DiskError(f"{path}: {message[:1].lower()}{message[1:]}", fix=fix)


def lasting(path: Path) -> Path:
    """Return the folder that holds a staging folder, which a failed command deletes; other paths as they are.

    Args:
        path: A file or folder.
    """
    for one in reversed((path, *path.parents)):
        if STAGING.fullmatch(one.name):
            return one.parent
    return path


class NotRegularFile(OSError):
    """A path names something that is not a regular file, or a file that is too large to be read as a whole."""


@contextmanager
def translate_os_errors(path: Path) -> Iterator[None]:
    """Translate every OSError of the body into a DiskError.

    Args:
        path: The file or folder that the body uses.

    Raises:
        DiskError: The body raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise disk_error(path, error) from None


def make_private_folder(path: Path) -> None:
    """Create a folder (0700) and its missing parents; existing folders keep their permissions.

    Args:
        path: The folder.

    Raises:
        DiskError: It cannot be created.
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
        path.chmod(PRIVATE_FOLDER)  # a umask can remove the owner's permissions too
    except FileExistsError:  # another process created it, or it is a file
        if not path.is_dir():
            raise


def make_own_folder(path: Path) -> Path:
    """Create a private folder (0700) in a folder where other users can write; use an existing one only if we own it.

    Args:
        path: The folder.

    Returns:
        The path.

    Raises:
        DiskError: It is a link, or belongs to another user.
    """
    with translate_os_errors(path):
        try:
            path.mkdir(PRIVATE_FOLDER)
        except FileExistsError:
            pass
        info = path.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
            raise DiskError(f"{path} is not a folder that you own", fix=f"move it away (ls -ld {path} shows its owner)")
        path.chmod(PRIVATE_FOLDER)
    return path


def free_bytes(path: Path) -> int:
    """Return the free space of the file system on which a path is, or will be.

    Args:
        path: A file or folder that need not exist.

    Returns:
        Bytes that this user can write.

    Raises:
        DiskError: The file system cannot be examined.
    """
    existing = next((one for one in (path, *path.parents) if one.exists()), Path("/"))
    with translate_os_errors(existing):
        info = os.statvfs(existing)
    return info.f_bavail * info.f_frsize


def free_inodes(path: Path) -> int | None:
    """Return how many files can still be created on the file system of a path; None if it sets no limit.

    Args:
        path: A file or folder that need not exist.
    """
    try:
        existing = next((one for one in (path, *path.parents) if one.exists()), Path("/"))
        info = os.statvfs(existing)
    except OSError:
        return None
    return info.f_favail if info.f_files else None


def is_full(error: DiskError) -> bool:
    """Return whether an error means that nothing can be written, though what is there can be read.

    Args:
        error: From `disk_error`.
    """
    return error.fix in (NO_INODES, *(FIXES[one] for one in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)))

"""Encrypted archives: a gzipped tar in an age file (age-encryption.org/v1) that a passphrase opens.

`age -d FILE | tar -tz` reads one too.
"""

from __future__ import annotations

import gzip
import io
import os
import posixpath
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from flowgate.errors import UsageError
from flowgate.system.archive import DAMAGED, SmallTarInfo
from flowgate.system.disk_errors import NotRegularFile, translate_os_errors
from flowgate.system.regular_files import open_regular, read_bytes_bounded

MAX_FILE_BYTES = 1_000_000_000  # of the encrypted file, which is decrypted in memory
MAX_BYTES = 4_000_000_000  # unpacked, all members together
MAX_MEMBERS = 20_000
MAX_NAME = 1_000  # characters
MAGIC = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
REFUSED = "Decryption failed"  # what pyrage 1.3 says of another passphrase; a damaged file has other texts
PRIVATE_FILE = 0o600


def pack(members: Iterable[tuple[str, bytes | Path]], passphrase: str) -> bytes:
    """Return an encrypted archive.

    Args:
        members: The name of each member, with its content or the file that has it.
        passphrase: What opens it.

    Raises:
        DiskError: A file cannot be read.
    """
    from pyrage import passphrase as age

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT, compresslevel=6) as tar:
        for name, content in members:
            if isinstance(content, bytes):
                _add(tar, name, io.BytesIO(content), len(content))
                continue
            with translate_os_errors(content), os.fdopen(open_regular(content), "rb") as file:
                size = file.seek(0, io.SEEK_END)
                file.seek(0)
                _add(tar, name, file, size)
    return bytes(age.encrypt(packed.getvalue(), passphrase))


def _add(tar: tarfile.TarFile, name: str, source: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, PRIVATE_FILE
    tar.addfile(member, source)


def read(path: Path, passphrase: str) -> bytes:
    """Read and decrypt an archive.

    Args:
        path: The file.
        passphrase: What opens it.

    Returns:
        The gzipped tar.

    Raises:
        UsageError: It is missing, too large, no age file, damaged, or the passphrase is another one.
        DiskError: It cannot be read.
    """
    from pyrage import DecryptError
    from pyrage import passphrase as age

    data = read_file(path)
    try:
        return bytes(age.decrypt(data, passphrase))
    except DecryptError as error:
        if str(error) == REFUSED:
            raise UsageError(f"the passphrase does not open {path}", fix="type the one it was written with") from None
        reason = str(error).rstrip(".")
        fix = "use another copy of it"
        raise UsageError(f"{path} is damaged, truncated, or encrypted for a key ({reason})", fix=fix) from None


def read_file(path: Path) -> bytes:
    """Read an encrypted file, without decrypting it.

    Args:
        path: The file.

    Raises:
        UsageError: It is missing, no regular file, too large, or no age file.
        DiskError: It cannot be read.
    """
    with translate_os_errors(path):
        try:
            data = read_bytes_bounded(path, MAX_FILE_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            raise UsageError(f"there is no file {path}", fix="give the path of a backup") from None
        except NotRegularFile as error:
            raise UsageError(f"{path} {error.strerror}", fix="give the path of a backup") from None
    if not data.startswith(MAGIC):
        raise UsageError(f"{path} is not a backup: it is no age file", fix="give a file that `inv backup` wrote")
    return data


def members(packed: bytes, path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the members of an archive, each to be read before the next one.

    Args:
        packed: The gzipped tar.
        path: Where it comes from, for messages.

    Raises:
        UsageError: It is damaged, or has a member that no backup contains.
    """
    seen: set[str] = set()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as unpacked:
            stream = _LimitedStream(unpacked, path)
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=SmallTarInfo) as tar:  # type: ignore[call-overload]
                for member in tar:
                    seen.add(_checked_name(member, seen, path))
                    source = tar.extractfile(member)
                    if source is None:
                        raise _foreign(path, f"{member.name!r} cannot be read")
                    yield member.name, source
    except DAMAGED as error:
        raise _foreign(path, f"it is no archive ({str(error)[:80] or type(error).__name__})") from None


class _LimitedStream:
    """A stream that ends with an error after MAX_BYTES."""

    def __init__(self, source: gzip.GzipFile, path: Path) -> None:
        self._source, self._path, self._size = source, path, 0

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        self._size += len(block)
        if self._size > MAX_BYTES:
            raise _foreign(self._path, f"it unpacks to more than {MAX_BYTES / 1e9:g} GB")
        return block


def _checked_name(member: tarfile.TarInfo, seen: set[str], path: Path) -> str:
    """Return the name of a member that may be unpacked.

    Raises:
        UsageError: It is no regular file, leads out of the folder, or was there before.
    """
    name = member.name
    shown = repr(name if len(name) <= 80 else f"{name[:77]}...")
    if not member.isreg():
        kind = "a link" if member.issym() or member.islnk() else "a folder" if member.isdir() else "no regular file"
        raise _foreign(path, f"{shown} is {kind}")
    parts = name.split("/")
    if name != posixpath.normpath(name) or name.startswith("/") or ".." in parts or not name.isprintable():
        raise _foreign(path, f"{shown} is no name of a file below it")
    if len(name) > MAX_NAME or name in seen or len(seen) >= MAX_MEMBERS:
        raise _foreign(path, f"{shown} is there twice, or there are too many members")
    return name


def _foreign(path: Path, reason: str) -> UsageError:
    return UsageError(f"{path} is not a backup of FlowGate: {reason}", fix="give a file that `inv backup` wrote")

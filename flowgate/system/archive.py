"""Extract the program from a downloaded tar.gz or zip archive."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import IO

from flowgate.errors import EnvironmentFailure
from flowgate.system.archive_members import BLOCK, MemberCheck
from flowgate.system.disk_errors import disk_error, translate_os_errors
from flowgate.system.regular_files import open_regular

MAX_BYTES = 512 << 20  # unpacked, all members together
MAX_DESCRIPTION = 1 << 20  # bytes of metadata that `tarfile` and `zipfile` read into memory
PROGRAM_MODE = 0o700
PROGRAM_MAGIC = (
    b"\x7fELF",  # Linux
    b"\xcf\xfa\xed\xfe",  # macOS
    b"\xca\xfe\xba\xbe",  # macOS, two processor types
    b"#!",  # script
)
DAMAGED = (
    EOFError,
    zlib.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    NotImplementedError,
    ValueError,
)


def kind(path: Path) -> str:
    """Detect a file's type from its first bytes.

    Args:
        path: The file.

    Returns:
        "tar.gz", "zip", "program", "page" (HTML or XML) or "unknown".

    Raises:
        DiskError: It cannot be read.
    """
    with translate_os_errors(path), os.fdopen(open_regular(path), "rb") as file:
        head = file.read(512)
    if head.startswith(b"\x1f\x8b"):
        return "tar.gz"
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    if head.startswith(PROGRAM_MAGIC):
        return "program"
    text = head.lstrip().lower()
    return "page" if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")) else "unknown"


def unpack(archive: Path, names: Collection[str], into: Path, *, max_bytes: int | None = None) -> str:
    """Extract the program from an archive.

    Args:
        archive: A tar.gz or zip file.
        names: Accepted names of the program. It must be a regular file at the root, and occur once.
        into: The file to create (0700). It is deleted again if the archive is rejected.
        max_bytes: Limit for all members together, unpacked; default: MAX_BYTES.

    Returns:
        The program's name in the archive.

    Raises:
        EnvironmentFailure: The archive is damaged, or has a member that no release contains.
        DiskError: `into` exists or cannot be written.
    """
    members = MemberCheck(archive.name, frozenset(names), MAX_BYTES if max_bytes is None else max_bytes)
    found = ""
    try:
        handle = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PROGRAM_MODE)
        with os.fdopen(handle, "wb", buffering=0) as target:
            os.fchmod(handle, PROGRAM_MODE)
            found = _reader(archive)(archive, members, target)
            os.fsync(handle)
    except DAMAGED as error:  # before OSError: gzip.BadGzipFile is one
        raise _damaged(archive.name, error) from None
    except OSError as error:
        raise disk_error(into, error) from None
    finally:
        if not found:
            with suppress(OSError):
                into.unlink(missing_ok=True)
    return found


def _reader(archive: Path) -> Callable[[Path, MemberCheck, IO[bytes]], str]:
    found = kind(archive)
    if found in ("tar.gz", "zip"):
        return _read_tar if found == "tar.gz" else _read_zip
    if found == "page":
        fix = "a proxy or a login page may intercept the download; open the URL in a browser"
        raise EnvironmentFailure(f"{archive.name} is a web page, not an archive", fix=fix)
    raise EnvironmentFailure(f"{archive.name} is neither a tar.gz nor a zip archive")


def _damaged(name: str, error: Exception) -> EnvironmentFailure:
    reason = str(error).rstrip(".") or type(error).__name__
    return EnvironmentFailure(f"{name} is damaged: {reason[:1].lower()}{reason[1:160]}", fix="download it again")


# --- tar.gz


class _LimitedStream:
    """A stream that ends with an error after `max_bytes`: a decompression bomb can be any member."""

    def __init__(self, source: gzip.GzipFile, members: MemberCheck) -> None:
        self._source, self._members, self._size = source, members, 0

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        self._size += len(block)
        self._members.check_size(self._size)
        return block


class SmallTarInfo(tarfile.TarInfo):
    """A member with a limited header: `tarfile` reads names and attributes of any length into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> SmallTarInfo:
        """Read a header, unless it announces a long one."""
        entry = super().frombuf(buf, encoding, errors)
        extended = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
        long_names = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
        if entry.type in (*extended, *long_names) and entry.size > MAX_DESCRIPTION:
            raise ValueError("the header of a member is too long")
        return entry


def _read_tar(archive: Path, members: MemberCheck, target: IO[bytes]) -> str:
    with gzip.open(archive, "rb") as unpacked:
        stream = _LimitedStream(unpacked, members)
        with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK, tarinfo=SmallTarInfo) as tar:  # type: ignore[call-overload]
            for member in tar:
                if members.is_program(member.name, _tar_kind(member)):
                    source = tar.extractfile(member)
                    if source is not None:
                        members.copy(source, target)
        while stream.read(BLOCK):  # read to the end, where gzip verifies its checksum
            pass
    return members.finish()


def _tar_kind(member: tarfile.TarInfo) -> str:
    if member.isdir():
        return "folder"
    if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and getattr(member, "sparse", None) is None:
        return "file"
    return "a link" if member.issym() or member.islnk() else "a device or another special file"


# --- zip


def _read_zip(archive: Path, members: MemberCheck, target: IO[bytes]) -> str:
    _check_directory_size(archive)
    with zipfile.ZipFile(archive) as packed:
        infos = packed.infolist()
        members.check_size(sum(info.file_size for info in infos))
        for info in infos:
            if members.is_program(info.orig_filename, _zip_kind(info)):
                if info.flag_bits & 1:
                    members.reject("is encrypted")
                with packed.open(info) as source:
                    members.copy(source, target)
    return members.finish()


def _zip_kind(info: zipfile.ZipInfo) -> str:
    if info.is_dir():
        return "folder"
    file_type = stat.S_IFMT(info.external_attr >> 16)
    if file_type in (0, stat.S_IFREG):
        return "file"
    return "a link" if file_type == stat.S_IFLNK else "a device or another special file"


def _check_directory_size(archive: Path) -> None:
    """Reject a central directory that would fill the memory.

    Source: APPNOTE.TXT 6.3, 4.3.15 and 4.3.16: the tenth field of the end record; zip64 has a locator right before it
    """
    with os.fdopen(open_regular(archive), "rb") as file:
        file.seek(-min(archive.stat().st_size, 22 + 0xFFFF + 20), os.SEEK_END)
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise EOFError("its central directory is missing")
    (size,) = struct.unpack("<L", tail[at + 12 : at + 16])
    if size > MAX_DESCRIPTION or tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        raise ValueError("its central directory is too long")

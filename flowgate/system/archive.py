"""Archives: take the one program out, and refuse an archive in which anything is not as a release's must be.

The whole archive is judged, not only the member that is wanted: one with a path out of its folder, a link or a device
was not made by a release, and nothing of it is believed.
"""

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
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn

from flowgate.errors import EnvironmentFailure, FlowGateError
from flowgate.system.disk_errors import disk_error, translate_os_errors

BLOCK = 1 << 20
MOST_BYTES = 512 << 20  # unpacked, all members together
MOST_ENTRY = 1 << 20  # of a member's own description, which is read into memory
PROGRAM_MODE = 0o700
PROGRAMS = (
    b"\x7fELF",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"#!",
)  # Linux, macOS, macOS for two processors, script
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
    """Say what a file is by its first bytes: "tar.gz", "zip", "program", "page" (HTML) or "unknown".

    Raises:
        DiskError: See the message.
    """
    with translate_os_errors(path), path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"\x1f\x8b"):
        return "tar.gz"
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    if head.startswith(PROGRAMS):
        return "program"
    text = head.lstrip().lower()
    return "page" if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")) else "unknown"


def unpack(archive: Path, names: Collection[str], into: Path, *, max_bytes: int | None = None) -> str:
    """Take one program out of an archive.

    Args:
        archive: tar.gz or zip.
        names: What the program may be called; it must lie at the root, as a regular file, once.
        into: The file to make (0700); deleted again when anything in the archive is refused.
        most_bytes: Of everything in it, unpacked; MOST_BYTES when absent.

    Returns:
        The name it had.

    Raises:
        EnvironmentFailure: See the message.
        DiskError: See the message.
    """
    judge = _Judge(archive.name, frozenset(names), MOST_BYTES if max_bytes is None else max_bytes)
    found = ""
    try:
        handle = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PROGRAM_MODE)
        with os.fdopen(handle, "wb", buffering=0) as target:
            os.fchmod(handle, PROGRAM_MODE)
            found = _by_kind(archive)(archive, judge, target)
            os.fsync(handle)
    except DAMAGED as fault:  # first: gzip's complaint is an OSError too
        raise _damaged(archive.name, fault) from None
    except OSError as fault:
        raise disk_error(into, fault) from None
    finally:
        if not found:
            with suppress(OSError):
                into.unlink(missing_ok=True)
    return found


def _by_kind(archive: Path) -> Callable[[Path, _Judge, IO[bytes]], str]:
    found = kind(archive)
    if found in ("tar.gz", "zip"):
        return _from_tar if found == "tar.gz" else _from_zip
    if found == "page":
        fix = "a proxy or a login page may be in the way; open the address in a browser"
        raise EnvironmentFailure(f"{archive.name} is a web page, no archive", fix=fix)
    raise EnvironmentFailure(f"{archive.name} is neither a tar.gz nor a zip archive")


@dataclass(slots=True)
class _Judge:
    """Looks at every member; remembers the wanted one."""

    archive: str
    names: frozenset[str]
    max_bytes: int
    found: str = ""
    seen: list[str] = field(default_factory=list)

    def wants(self, name: str, shape: str) -> bool:
        """Say whether a member is the program; refuse what no release holds.

        Args:
            shape: "file", "folder" or another word for what it is.
        """
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or name[1:2] == ":":
            self.refuse(f"holds a path that leads out of its folder ({name[:80]!r})")
        if shape not in ("file", "folder"):
            self.refuse(f"holds {shape} ({name[:80]!r})")
        if shape == "folder" or len(path.parts) != 1:
            return False
        self.seen = [*self.seen, path.name][:20]
        if path.name not in self.names:
            return False
        if self.found:
            self.refuse(f"holds the program twice ({self.found} and {path.name})")
        self.found = path.name
        return True

    def ends(self) -> str:
        """Give the program's name when it was there."""
        if not self.found:
            there = f"; it holds {', '.join(self.seen)}" if self.seen else ""
            self.refuse(f"holds no program at its root (wanted: {' or '.join(sorted(self.names))}){there}")
        return self.found

    def too_large(self) -> NoReturn:
        self.refuse(f"unpacks to more than {self.max_bytes >> 20} MiB")

    def refuse(self, why: str) -> NoReturn:
        raise EnvironmentFailure(f"{self.archive} {why}; nothing of it is used", fix="take it from another source")


def _copy(source: IO[bytes], target: IO[bytes], judge: _Judge) -> None:
    size = 0
    while block := source.read(BLOCK):
        size += len(block)
        if size > judge.max_bytes:
            judge.too_large()
        rest = memoryview(block)
        while rest:
            rest = rest[target.write(rest) :]


# --- tar.gz


class _Bounded:
    """A stream that refuses to give more than an archive may hold: the bomb need not be in the wanted member."""

    def __init__(self, source: gzip.GzipFile, judge: _Judge) -> None:
        self._source, self._judge, self._left = source, judge, judge.max_bytes

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        self._left -= len(block)
        if self._left < 0:
            self._judge.too_large()
        return block


class _Entry(tarfile.TarInfo):
    """A member whose own description is small: `tarfile` reads names and attributes into memory, however long."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Entry:
        entry = super().frombuf(buf, encoding, errors)
        described = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
        if entry.type in (*described, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK) and entry.size > MOST_ENTRY:
            raise ValueError("a member's description is far too long")
        return entry


def _from_tar(archive: Path, judge: _Judge, target: IO[bytes]) -> str:
    with gzip.open(archive, "rb") as packed:
        stream = _Bounded(packed, judge)
        with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK, tarinfo=_Entry) as tar:  # type: ignore[call-overload]
            for member in tar:
                if judge.wants(member.name, _tar_shape(member)):
                    source = tar.extractfile(member)
                    if source is not None:
                        _copy(source, target, judge)
        while stream.read(BLOCK):  # to the end: gzip's own checksum stands there
            pass
    return judge.ends()


def _tar_shape(member: tarfile.TarInfo) -> str:
    if member.isdir():
        return "folder"
    if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and getattr(member, "sparse", None) is None:
        return "file"
    return "a link" if member.issym() or member.islnk() else "a device, or something else that is no file"


# --- zip


def _from_zip(archive: Path, judge: _Judge, target: IO[bytes]) -> str:
    _small_directory(archive)
    with zipfile.ZipFile(archive) as packed:
        members = packed.infolist()
        if sum(one.file_size for one in members) > judge.max_bytes:
            judge.too_large()
        for member in members:
            if judge.wants(member.orig_filename, _zip_shape(member)):
                if member.flag_bits & 1:
                    judge.refuse("is encrypted")
                with packed.open(member) as source:
                    _copy(source, target, judge)
    return judge.ends()


def _zip_shape(member: zipfile.ZipInfo) -> str:
    if member.is_dir():
        return "folder"
    shape = stat.S_IFMT(member.external_attr >> 16)
    if shape in (0, stat.S_IFREG):
        return "file"
    return "a link" if shape == stat.S_IFLNK else "a device, or something else that is no file"


def _small_directory(archive: Path) -> None:
    """Refuse a table of contents that would fill the memory.

    Source: APPNOTE.TXT 6.3, 4.3.15 and 4.3.16: the end record's tenth field; zip64 has a locator right before it
    """
    with archive.open("rb") as file:
        file.seek(-min(archive.stat().st_size, 22 + 0xFFFF + 20), os.SEEK_END)
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise EOFError("its table of contents is missing")
    (size,) = struct.unpack("<L", tail[at + 12 : at + 16])
    if size > MOST_ENTRY or tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        raise ValueError("its table of contents is far too long")


def _damaged(name: str, fault: Exception) -> FlowGateError:
    words = str(fault).rstrip(".") or type(fault).__name__
    return EnvironmentFailure(f"{name} is damaged: {words[:1].lower()}{words[1:160]}", fix="fetch it again")

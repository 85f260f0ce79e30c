"""Which files of a folder an export wrote, and what a new export does to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from flowgate.errors import UsageError

NAME = ".flowgate-export.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record of the last export into a folder.

    Attributes:
        kind: What was exported ("kubernetes"); empty if there was none.
        digests: Path of each file that was written → SHA-256 of its text.
        pending: The same, of an export that has begun and may have been interrupted.
    """

    kind: str
    digests: Mapping[str, str]
    pending: Mapping[str, str] = field(default_factory=dict)

    @property
    def paths(self) -> set[str]:
        """Return the paths of all files that an export may have written."""
        return {*self.digests, *self.pending}

    def wrote(self, path: str, text: str) -> bool:
        """Return whether an export wrote this text.

        Args:
            path: The file's path.
            text: Its text.
        """
        return digest(text) in (self.digests.get(path), self.pending.get(path))

    def text(self) -> str:
        """Return the manifest as JSON."""
        made = {"version": VERSION, "kind": self.kind, "files": dict(sorted(self.digests.items()))}
        if self.pending:
            made["pending"] = dict(sorted(self.pending.items()))
        return json.dumps(made, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class FileChange:
    """What becomes of one file.

    Attributes:
        path: Its path in the folder.
        old: Its text; None if it does not exist.
        new: The text to write; None to delete it.
    """

    path: str
    old: str | None
    new: str | None

    @property
    def is_change(self) -> bool:
        """Return whether anything is to be done."""
        return self.old != self.new


@dataclass(frozen=True, slots=True)
class Changes:
    """What an export does to a folder.

    Attributes:
        files: The files.
        edited: Files that are no longer exported and were edited by hand; they stay.
        begun: The record while the files are written.
        manifest: The record afterwards.
    """

    files: tuple[FileChange, ...]
    edited: tuple[str, ...]
    begun: Manifest
    manifest: Manifest


def digest(text: str) -> str:
    """Return a text's SHA-256 as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def read(text: str | None, place: str) -> Manifest:
    """Read a manifest.

    Args:
        text: Its text; None if there is none.
        place: Its path, for errors.

    Raises:
        UsageError: It is damaged, or names files outside its folder.
    """
    if text is None:
        return Manifest("", {})
    try:
        tree = json.loads(text)
        version, kind, files = tree["version"], str(tree["kind"]), dict(tree["files"])
        pending = dict(tree.get("pending") or {})
    except (ValueError, KeyError, TypeError):
        raise _damaged(place) from None
    if not all(_is_inside(path) and isinstance(value, str) for path, value in (files | pending).items()):
        raise _damaged(place)
    if version != VERSION:
        what = f"{place} was written by another version of FlowGate (format {version}, this one knows {VERSION})"
        raise UsageError(what, fix="use that version, or export into another folder")
    return Manifest(kind, files, pending)


def _damaged(place: str) -> UsageError:
    fix = "delete it and the files of the export, then export again"
    return UsageError(f"{place} is damaged: it does not say what was exported", fix=fix)


def _is_inside(path: object) -> bool:
    parts = PurePosixPath(str(path)).parts
    return bool(parts) and not str(path).startswith("/") and ".." not in parts


def changes(kind: str, wanted: Mapping[str, str], record: Manifest, current: Mapping[str, str | None]) -> Changes:
    """Compare what is to be exported with what is there.

    Args:
        kind: What is exported.
        wanted: Path → text of each file.
        record: The record of the last export.
        current: Path → text of each of these files, and of those in the record; None if it does not exist.

    Raises:
        UsageError: The folder has another kind of export, or a file was edited by hand or written by somebody else.
    """
    if record.kind not in ("", kind):
        what = f"the folder has an export for {record.kind}"
        raise UsageError(what, fix="export into another folder")
    for path, text in wanted.items():
        old = current[path]
        if old is None or old == text:
            continue
        if path not in record.paths:
            fix = "move it away, or export into another folder"
            raise UsageError(f"{path} exists, and no export wrote it", fix=fix)
        if not record.wrote(path, old):
            what = f"{path} was edited by hand since the last export, which would overwrite it"
            fix = "keep your change elsewhere (see README.md there), delete the file, and export again"
            raise UsageError(what, fix=fix)
    gone = {path: current[path] for path in sorted(record.paths - wanted.keys())}
    edited = tuple(path for path, old in gone.items() if old is not None and not record.wrote(path, old))
    files = [FileChange(path, current[path], text) for path, text in wanted.items()]
    files += [FileChange(path, old, None) for path, old in gone.items() if old is not None and path not in edited]
    made = {path: digest(text) for path, text in wanted.items()}
    return Changes(tuple(files), edited, Manifest(kind, record.digests, made), Manifest(kind, made))

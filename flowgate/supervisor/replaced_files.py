"""Files that a command has replaced for a program that does not serve yet, written back if the command is killed.

The command notes their earlier texts before it replaces them, and deletes the note when its program serves or when it
has written them back itself. It holds the lock of the runtime folder all the time, and the system releases that when
the command ends, even by SIGKILL: a note that is there while nobody holds the lock was left by a killed command. The
supervisor, which looks every second, or the next command acts on it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypedDict

from flowgate.errors import FlowGateError, LockTimeout
from flowgate.supervisor.status_document import StatusDocument
from flowgate.supervisor.supervisor import Supervisor
from flowgate.system import files
from flowgate.system.clock import Clock

NAME = "replaced-files.json"
LOCK = "lock"  # in the runtime folder, held by a command that changes it


class Note(TypedDict):
    """The content of the note.

    Attributes:
        service: The service for whose new program the files were written.
        digest: Digest of its program that served then.
        files: Path → earlier text; None if there was no such file.
    """

    service: str
    digest: str
    files: dict[str, str | None]


def place(runtime: Path) -> Path:
    """Return where the note is, as long as there is one.

    Args:
        runtime: The runtime folder.
    """
    return runtime / NAME


def dump(service: str, digest: str, replaced: Mapping[Path, str | None]) -> str:
    """Return the text of a note.

    Args:
        service: The service for whose new program the files are written.
        digest: Digest of its program that serves.
        replaced: Path → earlier text; None if there was no such file.
    """
    note: Note = {"service": service, "digest": digest, "files": {str(path): text for path, text in replaced.items()}}
    return json.dumps(note)


def serving_digest(document: StatusDocument, service: str) -> str | None:
    """Return the digest of the program that serves; None if none does that its command has kept.

    Args:
        document: What the supervisor runs.
        service: Name of the service.
    """
    generations = document["services"].get(service, {}).get("generations", [])
    return next((one["digest"] for one in generations if one["phase"] == "serving" and not one.get("leased")), None)


def put_back(runtime: Path, serving: Callable[[str], str | None]) -> list[Path]:
    """Write back what a killed command has replaced, unless another program serves by now. The lock is held.

    While none serves, the program before may be about to come back.

    Args:
        runtime: The runtime folder.
        serving: Returns the digest of the program that serves for a service; None if none does.

    Returns:
        What was written back, or deleted because there was no such file before.

    Raises:
        DiskError: A file cannot be written. The note stays.
    """
    note = _read(runtime)
    found = []
    if note is not None and serving(note["service"]) in (None, note["digest"]):
        for path, text in ((Path(one), text) for one, text in note["files"].items()):
            if text is None:
                found += files.delete([path])
            elif files.write_in_place(path, text):
                found.append(path)
    files.delete([place(runtime)])
    return found


def _read(runtime: Path) -> Note | None:
    try:
        found: Note = json.loads(files.read_text_or_none(place(runtime)) or "null")
    except (FlowGateError, ValueError):
        return None
    return found if isinstance(found, dict) and Note.__required_keys__ <= found.keys() else None


class AbandonedFiles:
    """What the supervisor does about such a note."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor, self._runtime = supervisor, supervisor.folder.parent
        self._trouble, self._was_free = "", False

    def run(self) -> None:
        """Write the files back if a killed command has left a note.

        That the lock is free must be seen twice: by then what the command started and did not keep is being stopped.
        """
        if not files.is_there(place(self._runtime)):
            self._was_free = False
            return
        lock = files.exclusive_lock(
            self._runtime / LOCK, "put back", clock=Clock(), timeout=0.0, on_wait=lambda holder: None
        )
        try:
            with lock:
                found = put_back(self._runtime, self._serving) if self._was_free else []
            self._was_free = True
        except LockTimeout:
            self._was_free = False
            return
        except FlowGateError as error:
            if error.what != self._trouble:
                self._trouble = error.what
                self._supervisor.journal.log(f"what a killed command has replaced cannot be written back: {error.what}")
            return
        if found:
            names = ", ".join(path.name for path in found)
            self._supervisor.journal.log(f"a command was killed before what it had started served: wrote {names} back")

    def _serving(self, service: str) -> str | None:
        state = self._supervisor.states.get(service)
        found = state.serving() if state else None
        program = self._supervisor.programs.get((service, found.number)) if found else None
        return program.digest if program else None

"""The config that serves, and what the last start or reload of `run` has read: which files, and why it was refused.

The command that reads the config writes it; the supervisor, which reads no config, and `health` read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from flowgate.errors import FlowGateError
from flowgate.system import files
from flowgate.system.atomic_write import read_bytes_or_none

WATCH = "watch"  # a word of the command line of a supervisor: reload when the files of the config change
READ = "config-read.json"
IN_FORCE = "config-in-force.json"
MISSING, UNREADABLE = "missing", "unreadable"


@dataclass(frozen=True, slots=True)
class ConfigRecord:
    """The last start or reload.

    Attributes:
        files: Each file that the config consists of or names → digest of its content.
        refused: Why the config was refused; empty if it was not.
        since: When it was refused first.
        remark: What else is to be said about it.
        again: It is worth another try without a change.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    since: str = ""
    remark: str = ""
    again: bool = False


def digest(path: Path) -> str:
    """Return the digest of what a file contains; a word for one that is missing or cannot be read.

    Args:
        path: The file; links are followed.
    """
    try:
        found = read_bytes_or_none(path)
    except OSError:
        return UNREADABLE
    return MISSING if found is None else hashlib.sha256(found).hexdigest()


def digests(paths: Iterable[Path]) -> dict[str, str]:
    """Return path → digest.

    Args:
        paths: The files.
    """
    return {str(path): digest(path) for path in paths}


def load(runtime: Path) -> ConfigRecord:
    """Read the record; an empty one if there is none.

    Args:
        runtime: The runtime folder.
    """
    try:
        return ConfigRecord(**json.loads(files.read_text(runtime / "run" / READ)))
    except (FlowGateError, ValueError, TypeError):
        return ConfigRecord()


def save(runtime: Path, record: ConfigRecord) -> None:
    """Write the record.

    Args:
        runtime: The runtime folder.
        record: What to write.

    Raises:
        DiskError: It cannot be written.
    """
    files.write_atomic(runtime / "run" / READ, json.dumps(asdict(record)))


def load_in_force(runtime: Path) -> dict[str, str]:
    """Return path → text of the config that serves; the file of the config comes first.

    Args:
        runtime: The runtime folder.
    """
    try:
        found = json.loads(files.read_text(runtime / "run" / IN_FORCE))
    except (FlowGateError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(one, str) for one in found.values()) else {}


def save_in_force(runtime: Path, texts: Mapping[str, str]) -> None:
    """Keep the config that serves, for commands that find a broken one.

    Args:
        runtime: The runtime folder.
        texts: Path → text; the file of the config comes first.

    Raises:
        DiskError: It cannot be written.
    """
    files.write_atomic(runtime / "run" / IN_FORCE, json.dumps(dict(texts)))


def forget(runtime: Path) -> None:
    """Delete the kept config, and what was recorded about the last start or reload: nothing runs any more.

    Args:
        runtime: The runtime folder.
    """
    for name in (IN_FORCE, READ):
        files.discard(runtime / "run" / name)

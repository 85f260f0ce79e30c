"""Put a set of files and folders into place, so that a crash leaves the old ones, or what a second run completes.

The new ones are prepared in a folder first. From the moment in which the list of moves is written, they are due: each
move keeps what it replaces, and can be repeated.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flowgate.errors import UsageError
from flowgate.system.atomic_write import write_atomic
from flowgate.system.disk_errors import make_private_folder, translate_os_errors
from flowgate.system.regular_files import read_text_bounded
from flowgate.system.replace_file import delete_folder, sync_folder

JOURNAL = "moves.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Move:
    """One file or folder.

    Attributes:
        staged: Where it is prepared.
        target: Where it goes.
        aside: Where the one goes that is replaced.
        replaces: Something was at the target.
    """

    staged: Path
    target: Path
    aside: Path
    replaces: bool


def plan(folder: Path, targets: Mapping[Path, Path], aside: Path) -> list[Move]:
    """Return the moves of what was prepared.

    Args:
        folder: Where it was prepared; not used by the moves of another run.
        targets: What was prepared, below the folder, and where each goes.
        aside: The folder for what is replaced.
    """
    return [
        Move(folder / staged, target, aside / staged, os.path.lexists(target)) for staged, target in targets.items()
    ]


def commit(folder: Path, moves: Sequence[Move]) -> None:
    """Write the list of moves, and do them.

    Args:
        folder: Where the new files were prepared; deleted in the end.
        moves: The moves.

    Raises:
        DiskError: The list cannot be written: nothing was moved. Or a move failed: `complete` can repeat it.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            _sync(path)
    rows = [{**{key: str(getattr(one, key)) for key in _PATHS}, "replaces": one.replaces} for one in moves]
    write_atomic(folder / JOURNAL, json.dumps({"version": VERSION, "moves": rows}, indent=1))
    with translate_os_errors(folder):
        sync_folder(folder)
    complete(folder)


_PATHS = ("staged", "target", "aside")


def is_due(folder: Path) -> bool:
    """Return whether a run was interrupted after its list of moves was written.

    Args:
        folder: Where the new files were prepared.
    """
    return (folder / JOURNAL).is_file()


def complete(folder: Path) -> list[Move]:
    """Do the moves that are still due, and delete the folder in which the files were prepared.

    Args:
        folder: Where the new files were prepared.

    Returns:
        All moves of the list.

    Raises:
        UsageError: The list is damaged.
        DiskError: A move failed; it can be repeated.
    """
    moves = _read(folder / JOURNAL)
    for one in moves:
        if os.path.lexists(one.staged):
            if one.replaces and os.path.lexists(one.target) and not os.path.lexists(one.aside):
                _move(one.target, one.aside)
            _move(one.staged, one.target)
    delete_folder(folder)
    return moves


def _read(journal: Path) -> list[Move]:
    try:
        content = json.loads(read_text_bounded(journal))
        if content["version"] != VERSION:
            raise UsageError(f"{journal} was written by a newer FlowGate", fix="run the command again with that one")
        rows = content["moves"]
        return [
            Move(Path(str(one["staged"])), Path(str(one["target"])), Path(str(one["aside"])), bool(one["replaces"]))
            for one in rows
        ]
    except (ValueError, KeyError, TypeError):
        fix = f"move {journal.parent} away: it holds the files that were to be put into place"
        raise UsageError(f"{journal} is damaged", fix=fix) from None


def _move(source: Path, target: Path) -> None:
    make_private_folder(target.parent)
    with translate_os_errors(target):
        try:
            source.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _move_between_disks(source, target)
        sync_folder(target.parent)


def _move_between_disks(source: Path, target: Path) -> None:
    half = target.with_name(f".{target.name}.half")
    _delete(half)
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, half, symlinks=True)
    else:
        shutil.copy2(source, half, follow_symlinks=False)
        _sync(half)
    half.replace(target)
    _delete(source)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with suppress(OSError):  # a link to nothing
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

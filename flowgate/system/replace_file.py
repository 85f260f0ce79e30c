"""Put a program in another's place: at no moment is there none, and the one before it is kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from flowgate.system.disk_errors import make_private_folder, translate_os_errors


def replace(fresh: Path, place: Path, previous: Path | None) -> None:
    """Move a file into a place, and keep the one that was there.

    Args:
        fresh: On the same disk as the place.
        previous: Where the one that was there is kept, instead of what lies there; None to keep it nowhere.

    Raises:
        DiskError: See the message.
        FlowGateError: The old file still stands in its place then.
    """
    make_private_folder(place.parent)
    with translate_os_errors(place):
        if previous and place.is_file():
            _copy_to(place, previous)
        fresh.replace(place)
        _settle(place.parent)


def swap(place: Path, previous: Path) -> None:
    """Let a file and the one kept beside it change places; a missing one of the two counts as kept nowhere.

    Raises:
        DiskError: See the message.
    """
    aside = place.with_name(f".{place.name}.aside")
    with translate_os_errors(place):
        held = place.is_file()
        if held:
            _copy_to(place, aside)
        if previous.is_file():
            previous.replace(place)
        else:
            place.unlink(missing_ok=True)
        if held:
            aside.replace(previous)
        _settle(place.parent)


def copy_program(source: Path, into: Path) -> None:
    """Copy a program (0700).

    Raises:
        DiskError: See the message.
        FlowGateError: No half copy is left.
    """
    try:
        with translate_os_errors(into):
            shutil.copyfile(source, into)
            into.chmod(0o700)
    except BaseException:
        into.unlink(missing_ok=True)
        raise


def delete_folder(folder: Path) -> None:
    """Delete a folder with all that is in it.

    Raises:
        DiskError: See the message.
    """
    with translate_os_errors(folder):
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)


def _copy_to(place: Path, target: Path) -> None:
    """Give a file a second name, where the disk can do that; else a copy. The first name never stops naming it."""
    half = target.with_name(f".{target.name}.half")
    half.unlink(missing_ok=True)
    try:
        try:
            os.link(place, half)
        except OSError:  # a file system without links
            shutil.copy2(place, half)
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """Have the disk remember the new names, or a power cut could bring back old ones."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

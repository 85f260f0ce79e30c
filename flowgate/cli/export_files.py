"""The files of an export: compared with what is there, written, and said."""

from __future__ import annotations

from pathlib import Path

from flowgate.cli import console
from flowgate.cli.diff import COLOURS, diff_lines
from flowgate.errors import UsageError
from flowgate.export import manifest
from flowgate.export.manifest import Changes, FileChange
from flowgate.system import files, user_files

MOST_LINES = 20  # of files with which the same is done; above that they are counted
MODE = 0o644  # nothing in them is secret, and containers read them as another user


def look(kind: str, wanted: dict[str, str], folder: Path) -> Changes:
    """Compare what is to be exported with what is in the folder.

    Args:
        kind: What is exported.
        wanted: Path → text of each file.
        folder: The folder; it may be missing.

    Raises:
        UsageError: The folder is a file, or has files that an export would overwrite.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", fix="give --to the path of a folder")
    record = manifest.read(files.read_text_or_none(folder / manifest.NAME), str(folder / manifest.NAME))
    current = {path: _current(folder, path) for path in wanted.keys() | record.paths}
    try:
        return manifest.changes(kind, wanted, record, current)
    except UsageError as error:
        raise UsageError(f"{folder}: {error.what}", fix=error.fix) from None


def _current(folder: Path, path: str) -> str | None:
    """Return the text of a file; an error if a link would lead an export to another place."""
    for one in (folder / path, *(folder / path).parents):
        if one == folder:
            break
        if one.is_symlink():
            raise UsageError(f"{one} is a link, and an export writes files only", fix=f"remove it: rm {one}")
    if (folder / path).is_dir():
        raise UsageError(f"{folder / path} is a folder", fix="move it away, or export into another folder")
    return files.read_text_or_none(folder / path)


def write(changes: Changes, folder: Path) -> None:
    """Write what has changed, and the record of it.

    Args:
        changes: The changes.
        folder: The folder.

    Raises:
        DiskError: A file cannot be written.
    """
    if any(one.is_change for one in changes.files):
        files.write_atomic(folder / manifest.NAME, changes.begun.text(), mode=MODE)
    for one in changes.files:
        path = folder / one.path
        if one.new is not None:
            files.write_atomic(path, one.new, mode=MODE)
        elif one.old is not None:
            above = [folder / parent for parent in Path(one.path).parents if parent != Path()]
            user_files.remove(path, above)
    files.write_atomic(folder / manifest.NAME, changes.manifest.text(), mode=MODE)


def tell(changes: Changes, folder: Path, *, check: bool, diff: bool) -> None:
    """Say what becomes of each file.

    Args:
        changes: The changes.
        folder: The folder.
        check: Nothing is written.
        diff: Show the lines that change.
    """
    changed = [one for one in changes.files if one.is_change]
    by_verb: dict[str, list[FileChange]] = {}
    for one in changed:
        by_verb.setdefault(_verb(one, check=check), []).append(one)
    for verb, alike in by_verb.items():
        if len(alike) > MOST_LINES and not diff:
            console.note(f"~ {folder}: {len(alike)} files, each {verb} (--diff lists them)")
            continue
        for one in alike:
            console.note(f"~ {folder / one.path} {verb}")
            if diff:
                _show(one, folder)
    for path in changes.edited:
        console.note(f"! {folder / path} is not exported any more, but was edited by hand: it stays, and is yours now")
    if not changed:
        count = len(changes.files)
        console.note(f"= {folder}: {count} files, unchanged")


def _verb(one: FileChange, *, check: bool) -> str:
    if one.new is None:
        return "would be deleted: it is not exported any more" if check else "is deleted: it is not exported any more"
    if one.old is None:
        return "would be created" if check else "is created"
    return "would change" if check else "is changed"


def _show(one: FileChange, folder: Path) -> None:
    for line in diff_lines(str(folder / one.path), one.old or "", one.new or ""):
        shown = f"    {line}"
        console.quote(console.colour(shown, COLOURS[line[0]]) if line[:1] in COLOURS else shown)

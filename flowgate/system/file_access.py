"""Files as a step uses them: reading always works, writing only while the step acts."""

from __future__ import annotations

from pathlib import Path

from flowgate.errors import StepContractError
from flowgate.system import files


class Files:
    """Access to files; methods that write raise `StepContractError` while a step looks."""

    def __init__(self, acting: bool) -> None:
        self._acting = acting

    def read(self, path: Path) -> str | None:
        """Read a text file; return None if it is absent."""
        return files.read_text_or_none(path)

    def listing(self, folder: Path, pattern: str) -> list[Path]:
        """List the files of a folder that match a pattern, newest first."""
        return files.listing(folder, pattern)

    def tail(self, path: Path, lines: int) -> list[str]:
        """Read the last lines of a file."""
        return files.tail(path, lines)

    def is_there(self, path: Path) -> bool:
        """Return whether a file or folder exists; a dangling symbolic link does not count."""
        return files.is_there(path)

    def is_executable(self, path: Path) -> bool:
        """Return whether a file exists and is executable."""
        return files.is_executable(path)

    def write(self, path: Path, text: str, *, mode: int = 0o600, in_place: bool = False) -> bool:
        """Write a file; return whether its content changed."""
        self._require_acting(f"write {path}")
        write = files.write_in_place if in_place else files.write_atomic
        return write(path, text, mode=mode)

    def delete(self, paths: list[Path]) -> list[Path]:
        """Delete files, ignore those that are absent, and return the deleted ones."""
        self._require_acting(f"delete {len(paths)} files")
        return files.delete(paths)

    def make_folder(self, path: Path) -> None:
        """Create a folder that only its owner can enter."""
        self._require_acting(f"create {path}")
        files.make_private_folder(path)

    def append(self, path: Path, line: str) -> bool:
        """Append one line; return whether it was written."""
        self._require_acting(f"append to {path}")
        return files.append_line(path, line)

    def _require_acting(self, what: str) -> None:
        if not self._acting:
            raise StepContractError(f"a step tried to {what} in its read-only phase")

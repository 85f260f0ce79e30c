"""Which archive members are acceptable.

Every member is checked, not only the program: a path that leaves the folder, a link or a device means that the archive
is not a release, and nothing from it is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, NoReturn

from flowgate.errors import EnvironmentFailure

BLOCK = 1 << 20
SHOWN_NAMES = 20  # how many member names an error lists


@dataclass(slots=True)
class MemberCheck:
    """A check of all members of one archive, which also finds the program.

    Attributes:
        archive: Name of the archive, for errors.
        names: Accepted names of the program.
        max_bytes: Limit for all members together, unpacked.
        found: Name of the program, once it was found.
    """

    archive: str
    names: frozenset[str]
    max_bytes: int
    found: str = ""
    _seen: list[str] = field(default_factory=list)

    def is_program(self, name: str, kind: str) -> bool:
        """Check one member.

        Args:
            name: Its path in the archive.
            kind: "file", "folder", or a description of anything else ("a link").

        Returns:
            Whether the member is the program.

        Raises:
            EnvironmentFailure: No release contains such a member.
        """
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or name[1:2] == ":":
            self.reject(f"contains a path outside its folder ({name[:80]!r})")
        if kind not in ("file", "folder"):
            self.reject(f"contains {kind} ({name[:80]!r})")
        if kind == "folder" or len(path.parts) != 1:
            return False
        self._seen = [*self._seen, path.name][:SHOWN_NAMES]
        if path.name not in self.names:
            return False
        if self.found:
            self.reject(f"contains the program twice ({self.found} and {path.name})")
        self.found = path.name
        return True

    def finish(self) -> str:
        """Return the program's name, after the last member.

        Raises:
            EnvironmentFailure: The archive does not contain the program.
        """
        if not self.found:
            members = f"; it contains {', '.join(self._seen)}" if self._seen else ""
            self.reject(f"contains no program at its root (expected: {' or '.join(sorted(self.names))}){members}")
        return self.found

    def copy(self, source: IO[bytes], target: IO[bytes]) -> None:
        """Copy the program's bytes.

        Args:
            source: The member.
            target: An unbuffered file.

        Raises:
            EnvironmentFailure: There are more than `max_bytes`.
        """
        size = 0
        while block := source.read(BLOCK):
            size += len(block)
            self.check_size(size)
            rest = memoryview(block)
            while rest:
                rest = rest[target.write(rest) :]

    def check_size(self, size: int) -> None:
        """Reject the archive if it unpacks to more than `max_bytes`.

        Args:
            size: Bytes unpacked so far, or announced.

        Raises:
            EnvironmentFailure: It is too large.
        """
        if size > self.max_bytes:
            self.reject(f"unpacks to more than {self.max_bytes >> 20} MiB")

    def reject(self, reason: str) -> NoReturn:
        """Reject the archive.

        Args:
            reason: The rest of a sentence that begins with the archive's name.

        Raises:
            EnvironmentFailure: Always.
        """
        raise EnvironmentFailure(f"{self.archive} {reason}; nothing from it is used", fix="use another source")

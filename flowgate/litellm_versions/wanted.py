"""What is to be installed, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be installed, and from where.

    Attributes:
        version: LiteLLM's version; empty for the newest one that may be installed.
        wheelhouse: A folder of wheels; empty for the index.
        offline: Use only what is in uv's cache.
    """

    version: str = ""
    wheelhouse: str = ""
    offline: bool = False

    @property
    def subject(self) -> str:
        """What is installed, in words."""
        return f"LiteLLM {self.version}" if self.version else "the newest LiteLLM"

    @property
    def is_local(self) -> bool:
        """Whether it comes from files on this machine alone."""
        return bool(self.wheelhouse) or self.offline

    @property
    def source(self) -> str:
        """Where it comes from, in a receipt."""
        return self.wheelhouse or ("cache" if self.offline else "index")

    def where(self, folder: Path) -> list[str]:
        """Return uv's options that say where wheels come from; only wheels, since a source would run its own code.

        Args:
            folder: A private folder for a link, since uv takes a comma for the end of a path.
        """
        found = ["--only-binary", ":all:"]
        if self.wheelhouse:
            found += ["--no-index", "--find-links", str(self._without_comma(folder))]
        return found + (["--offline"] if self.offline else [])

    def _without_comma(self, folder: Path) -> Path:
        path, link = Path(self.wheelhouse), folder / "wheels"
        if "," not in self.wheelhouse:
            return path
        if not link.is_symlink():
            link.symlink_to(path)
        return link

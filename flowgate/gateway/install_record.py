"""The lock file beside the installed CLIProxyAPIPlus: what was installed, from where, and how it was verified."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from flowgate.domain import Config
from flowgate.gateway.release_assets import PROGRAM

FIELDS = ("version", "source", "asset", "archive_sha256", "binary_sha256", "level", "when")


@dataclass(frozen=True, slots=True)
class InstallRecord:
    """What was installed; the content of the lock file.

    Attributes:
        version: The release's tag; for a local file, the version that the program reports.
        source: The repository ("owner/name"), or the local file's absolute path.
        asset: The archive's name.
        archive_sha256: 64 hex digits.
        binary_sha256: 64 hex digits.
        level: How the archive was verified: "pinned", "checksums.txt" or "none".
        when: RFC 3339, UTC.
        seen: "repository@version/asset" → the digest it had when it was first installed.
    """

    version: str
    source: str
    asset: str
    archive_sha256: str
    binary_sha256: str
    level: str
    when: str
    seen: Mapping[str, str] = field(default_factory=dict)


def read(text: str | None) -> InstallRecord | None:
    """Parse a lock file; return None if it is absent or damaged."""
    try:
        tree = json.loads(text or "null")
    except ValueError:
        return None
    if not isinstance(tree, dict) or not all(isinstance(tree.get(name), str) for name in FIELDS):
        return None
    seen = tree.get("seen")
    seen = {str(key): str(value) for key, value in seen.items()} if isinstance(seen, dict) else {}
    return InstallRecord(**{name: tree[name] for name in FIELDS}, seen=seen)


def write(record: InstallRecord) -> str:
    """Return the text of a lock file."""
    return json.dumps(asdict(record), indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class InstallPaths:
    """Locations of the program, the previous one and their lock files.

    Attributes:
        staging: A folder on the same disk that exists only during an installation.
    """

    program: Path
    lock: Path
    previous: Path
    previous_lock: Path
    staging: Path


def install_paths(config: Config) -> InstallPaths:
    """Return where CLIProxyAPIPlus is installed."""
    folder = config.paths.runtime_dir / "bin"
    return InstallPaths(
        program=folder / PROGRAM,
        lock=folder / f"{PROGRAM}.lock",
        previous=folder / f"{PROGRAM}.previous",
        previous_lock=folder / f"{PROGRAM}.previous.lock",
        staging=folder / f".{PROGRAM}.staging",
    )

"""Find the playbook that a command line names."""

from __future__ import annotations

from pathlib import Path

from flowgate.errors import UnknownName, UsageError
from flowgate.system import files, locations

LONGEST_PATH = 4000


def find_playbook(name: str) -> Path:
    """Find a playbook.

    Args:
        name: A path, or the name of a shipped playbook.

    Returns:
        Its path.

    Raises:
        UnknownName: No shipped playbook has this name.
        UsageError: There is no file at this path.
    """
    if len(name) > LONGEST_PATH or "\0" in name:
        raise UsageError(f"'{name[:40]}…' is no path of a playbook: it is too long, or contains a NUL character")
    path = Path(name).expanduser()
    if path.suffix in (".yml", ".yaml") or "/" in name:
        if not files.is_there(path):
            raise UsageError(f"there is no playbook at {path.absolute()}", fix=f"shipped ones: {', '.join(_shipped())}")
        return path
    shipped = locations.playbooks() / f"{name}.yml"
    if not files.is_there(shipped):
        if path.is_file():
            raise UsageError(f"no shipped playbook is called '{name}'", fix=f"to run the file: flowgate play ./{name}")
        raise UnknownName("playbook", name, known=_shipped())
    return shipped


def _shipped() -> list[str]:
    return sorted(path.stem for path in locations.playbooks().glob("*.yml"))

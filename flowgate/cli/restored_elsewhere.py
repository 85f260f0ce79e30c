"""A backup that is restored on another machine, or for another user: paths that do not fit any more."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.cli.backup_contents import CONFIG
from flowgate.system import files

if TYPE_CHECKING:
    from flowgate.cli.backup_reading import Backup
    from flowgate.domain import Config

MAX_LINES = 5


def adapt(staged: Path, backup: Backup, config: Config) -> list[str]:
    """Rewrite the home folder in the receipts of clients, and return what to tell about the rest.

    Args:
        staged: Where the backup was unpacked.
        backup: The backup.
        config: Its config, read for this machine.
    """
    manifest = backup.manifest
    home = str(Path.home())
    if (manifest.host, manifest.home) == (platform.node(), home):
        return []
    notes = _foreign_paths(backup, config, home)
    clients = []
    for receipt in sorted((staged / "secrets" / "clients").glob("*.json")):
        clients.append(receipt.stem)
        text = files.read_text(receipt)
        if manifest.home != home and (moved := _moved(text, manifest.home, home)) != text:
            files.write_atomic(receipt, moved)
    if clients:
        notes.append(f"note: the configuration of client programs is not in a backup: {', '.join(clients)}")
        notes.append(f"  fix: inv client.rotate {clients[0]}, which writes it here with a new key")
    return notes


def _foreign_paths(backup: Backup, config: Config, home: str) -> list[str]:
    """Say which lines of the config name the home folder of the other machine."""
    if backup.manifest.home == home or CONFIG not in backup.texts:
        return []
    lines = backup.texts[CONFIG].decode(errors="replace").splitlines()
    found = [number for number, line in enumerate(lines, 1) if f"{backup.manifest.home}/" in line]
    if not found:
        return []
    where = ", ".join(f"{config.file}:{number}" for number in found[:MAX_LINES])
    return [f"warning: the config names paths in {backup.manifest.home}, the home folder of the backup ({where})"]


def _moved(text: str, old: str, new: str) -> str:
    """Replace the home folder in a receipt; a damaged one stays as it is."""
    try:
        receipt = json.loads(text)
        for one in receipt["files"]:
            one["path"] = _replaced(one["path"], old, new)
            one["folders"] = [_replaced(folder, old, new) for folder in one["folders"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return text
    return json.dumps(receipt, indent=1) + "\n"


def _replaced(path: str, old: str, new: str) -> str:
    return new + path[len(old) :] if path == old or path.startswith(f"{old}/") else path

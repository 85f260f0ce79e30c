"""What FlowGate keeps on the disk: the files of each kind, and how much space they take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from flowgate.cli import console
from flowgate.cli.checks.permissions import secrets_folder
from flowgate.cli.columns import size
from flowgate.domain import Config
from flowgate.domain.ledger import FILE_NAME
from flowgate.gateway import cliproxy
from flowgate.system import disk_use, files

SECONDS = 0.004  # that `status` spends on all kinds together; folders of environments have thousands of files
OF_USER = ("accounts", "secrets", "replaced")  # kinds that FlowGate cannot make again
PROGRAMS = ("bin", "litellm")


class KindOfFiles(TypedDict):
    """The space of one kind; docs/json.md describes the keys."""

    bytes: int
    complete: bool


def parts(config: Config) -> dict[str, list[Path]]:
    """Return the existing files and folders of each kind; the slowest to count comes last.

    Args:
        config: The config.
    """
    runtime, logs = config.paths.runtime_dir, config.paths.log_file
    router = runtime.parent
    found: dict[str, list[Path]] = {
        "accounts": [cliproxy.auth_folder(config)],
        "secrets": [secrets_folder(config)],
        "replaced": [router / "replaced", router / "restoring"],
        "ledger": [],
        "logs": sorted(logs.parent.glob(f"{logs.name}*")) if logs.parent.is_dir() else [],
        "rendered": [],
        "state": [path for path in (config.paths.active_config, config.paths.state_file) if path.parent != runtime],
        "programs": [],
    }
    for path in sorted(runtime.iterdir()) if runtime.is_dir() else ():
        found[_kind(path)].append(path)
    return {kind: [path for path in paths if files.is_there(path)] for kind, paths in found.items()}


def _kind(path: Path) -> str:
    """Return the kind of a file or folder in the runtime folder."""
    if path.name.startswith((FILE_NAME, "budget")):
        return "ledger"
    if path.name == "process-logs" or path.name.startswith("events.log"):
        return "logs"
    if path.name in PROGRAMS:
        return "programs"
    return "rendered" if path.suffix == ".yaml" else "state"


def usage(config: Config) -> dict[str, KindOfFiles]:
    """Return the space of each kind, counted within some milliseconds.

    Args:
        config: The config.
    """
    counted = disk_use.used_of(parts(config), SECONDS)
    return {kind: {"bytes": one.size, "complete": one.complete} for kind, one in counted.items()}


def print_usage(found: Mapping[str, KindOfFiles]) -> None:
    """Print the space of each kind in one line.

    Args:
        found: What `usage` returned.
    """
    sizes = {kind: f"{'' if one['complete'] else 'over '}{size(one['bytes'])}" for kind, one in found.items()}
    shown = [f"{kind} {text}" for kind, text in sizes.items() if found[kind]["bytes"]]
    if shown:
        console.data(f"disk     {', '.join(shown)}")

"""The folder that the workers of one generation share, and what each of them opens in it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.supervisor.protocol import WORKER_VARIABLE
from flowgate.system import files

if TYPE_CHECKING:
    from flowgate.supervisor.load_board import LoadBoard
    from flowgate.supervisor.shared_places import SharedPlaces
    from flowgate.supervisor.shared_quotas import SharedQuotas

SUFFIX = ".shared"
BOARD, QUOTAS, PLACES = "load", "clients", "requests"


@dataclass(frozen=True, slots=True)
class Shared:
    """What a worker shares with the others of its generation."""

    board: LoadBoard
    quotas: SharedQuotas
    places: SharedPlaces


def path(folder: Path, service: str, number: int) -> Path:
    """Return the folder of a generation.

    Args:
        folder: `run/` of the runtime folder.
        service: Name of the service.
        number: The generation.
    """
    return folder / f"{service}-{number}{SUFFIX}"


def create(folder: Path, service: str, number: int) -> Path:
    """Create the folder of a generation, if it is missing, and return its path.

    Args:
        folder: `run/` of the runtime folder.
        service: Name of the service.
        number: The generation.
    """
    found = path(folder, service, number)
    files.make_private_folder(found)
    return found


def discard(folder: Path, service: str, number: int) -> None:
    """Delete the folder of a generation that has ended.

    Args:
        folder: `run/` of the runtime folder.
        service: Name of the service.
        number: The generation.
    """
    shutil.rmtree(path(folder, service, number), ignore_errors=True)


def sweep(folder: Path, living: set[str]) -> None:
    """Delete the folders of generations that do not run any more.

    Args:
        folder: `run/` of the runtime folder.
        living: "SERVICE-NUMBER" of those that run.
    """
    for found in folder.glob(f"*{SUFFIX}"):
        if found.name.removesuffix(SUFFIX) not in living:
            shutil.rmtree(found, ignore_errors=True)


def own_index() -> int:
    """Return which of the workers of its generation this process is, from 1."""
    index = os.environ.get(WORKER_VARIABLE, "").partition(" ")[0]
    return int(index) if index.isdecimal() else 1


def open_shared() -> Shared | None:
    """Open what this worker shares with others; None if it is the only one, or if that cannot be opened."""
    index, _, folder = os.environ.get(WORKER_VARIABLE, "").partition(" ")
    if not folder:
        return None
    from flowgate.supervisor.load_board import LoadBoard
    from flowgate.supervisor.shared_places import SharedPlaces
    from flowgate.supervisor.shared_quotas import SharedQuotas

    at = Path(folder)
    try:
        board, places = LoadBoard(at / BOARD, int(index)), SharedPlaces(at / PLACES, int(index))
        return Shared(board, SharedQuotas(at / QUOTAS), places)
    except (OSError, ValueError):  # it serves all the same: its load is not known to others, and it counts by itself
        return None

"""The last requests of a generation that has drained, and its refusals, kept in files beside its control socket.

A worker's rows end with its process. One that drains writes them, so that a switch does not hide what was asked
before it; nobody needs them after the service has been stopped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from flowgate.errors import FlowGateError
from flowgate.supervisor.worker_client import control_path
from flowgate.system import files

if TYPE_CHECKING:
    from flowgate.request_filter.recent import RecentRequest
    from flowgate.request_filter.refusals import RefusalRow

T = TypeVar("T")
REQUESTS, REFUSALS = ".requests", ".refusals"
FAR_INDEX = 999  # of a worker
KEPT_GENERATIONS = 3  # drained ones whose requests can still be read


def keep(control: Path, rows: list[RecentRequest], refusals: list[RefusalRow] | None = None) -> None:
    """Write the rows of a worker that ends. A full disk costs the rows and nothing else.

    Args:
        control: The worker's control socket.
        rows: Its last requests.
        refusals: How many requests it has refused.
    """
    for suffix, kept in ((REQUESTS, rows), (REFUSALS, refusals)):
        if kept or suffix == REQUESTS:
            _write(control.with_suffix(suffix), json.dumps(kept))


def _write(path: Path, text: str) -> None:
    try:
        files.write_atomic(path, f"{files.digest(text)}\n{text}")
    except (FlowGateError, OSError):
        return


def read(folder: Path, service: str, number: int, index: int = 1) -> list[RecentRequest]:
    """Return the rows that a drained worker has kept; none if there are none, or they are damaged.

    Args:
        folder: `run/` of the runtime folder.
        service: Name of the service.
        number: The generation.
        index: Which of its workers.
    """
    rows: list[RecentRequest] = []
    return _read(control_path(folder, service, number, index).with_suffix(REQUESTS), rows)


def read_refusals(folder: Path, service: str, number: int, index: int = 1) -> list[RefusalRow]:
    """Return how many requests a drained worker has refused; none if that was not kept, or is damaged.

    Args:
        folder: `run/` of the runtime folder.
        service: Name of the service.
        number: The generation.
        index: Which of its workers.
    """
    rows: list[RefusalRow] = []
    return _read(control_path(folder, service, number, index).with_suffix(REFUSALS), rows)


def indexes(folder: Path, service: str, number: int) -> set[int]:
    """Return the indexes of a generation's workers that may have kept rows; the first is always among them.

    Args:
        folder: `run/` of the runtime folder.
        service: Name of the service.
        number: The generation.
    """
    only, later = control_path(folder, service, number), control_path(folder, service, number, FAR_INDEX)
    parents = {only.parent, later.parent}  # a longer name may have to be in another folder
    found = {one.stem.rpartition(".")[2] for at in parents for one in at.glob(f"{only.stem}.*{REQUESTS}")}
    return {1, *(int(index) for index in found if index.isdecimal())}


def _read(path: Path, none: list[T]) -> list[T]:
    try:
        digest, _, kept = (files.read_text_or_none(path) or "").partition("\n")
        rows: list[T] = json.loads(kept) if kept and digest == files.digest(kept) else none
    except (FlowGateError, OSError, ValueError):
        return none
    return rows


def drained(newest: int) -> range:
    """Return the numbers of the generations before the newest one whose requests may be kept."""
    return range(max(1, newest - KEPT_GENERATIONS), newest)


def discard(folder: Path, service: str, newest: int, *, all_of_them: bool) -> None:
    """Delete rows that are not needed any more.

    Args:
        folder: `run/` of the runtime folder.
        service: Name of the service.
        newest: The generation that has ended.
        all_of_them: No other generation runs: delete all; otherwise only the oldest.
    """
    numbers = [*drained(newest), newest] if all_of_them else [newest - KEPT_GENERATIONS]
    for number in numbers:
        for index in indexes(folder, service, number):
            for suffix in (REQUESTS, REFUSALS):
                files.discard(control_path(folder, service, number, index).with_suffix(suffix))

"""Record the requests of a worker in the ledger: how a row of the request filter becomes an entry of it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.ledger.entries import FAILED_STATUS, OWN_CLIENT, Attempt, Entry, Request, Run
from flowgate.ledger.pending import Conversion
from flowgate.ledger.writer import LedgerWriter
from flowgate.request_filter import paths
from flowgate.request_filter.recent import RecentRequest
from flowgate.supervisor import shared_folder
from flowgate.supervisor.ledger_tree import ledger_from_tree
from flowgate.system import files, installed, processes
from flowgate.system.clock import Clock, stamp

if TYPE_CHECKING:
    from flowgate.request_filter import recent
    from flowgate.supervisor.program_tree import ProgramTree

Ledger = LedgerWriter[RecentRequest]
CLOSE_SECONDS = 3.0
LONGEST_TEXT = 200  # characters of what a client or a config names
ID_HEADER = "call-id"  # after the prefix of the recorded headers: the app's id of a request
UNKNOWN_MODEL = "(unknown)"  # in place of names that clients made up: there is no end of them
REFUSED = "refused"
PROTOCOLS = {"chat/completions": "chat"}


def start(program: ProgramTree, generation: int) -> Ledger | None:
    """Create the ledger of a worker; it is opened with the first request.

    Args:
        program: The worker's program.
        generation: Number of its generation.

    Returns:
        The ledger; None if the program records nothing.
    """
    settings = ledger_from_tree(program.get("ledger"))
    if settings is None:
        return None
    service, labels = program["service"], program["labels"]
    profile = labels.get("profile", "")
    version = labels.get(service) or installed.version(service) or ""
    identity = processes.identify(os.getpid())
    ticks = identity.ticks if identity else 0
    run = Run(generation, profile, version, os.getpid(), ticks, settings.promises, shared_folder.own_index())
    events = settings.path.with_name("events.log")

    def report(detail: str) -> None:
        _write_event(events, service, profile, f"generation {generation}: {detail}")

    return LedgerWriter(settings, run, conversion(program["recorded_headers"]), report)


def _write_event(events: Path, service: str, profile: str, detail: str) -> None:
    line = {"event": "ledger", "service": service, "profile": profile, "provider": "", "result": "failed"}
    text = json.dumps({**line, "detail": detail, "timestamp": stamp(Clock().wall())}, ensure_ascii=False)
    files.append_line(events, text)


# --- rows


def entry(row: RecentRequest, number: int, run: int, id_header: str) -> Entry:
    """Return a request as the ledger stores it.

    Args:
        row: The request.
        number: Its id in the ledger.
        run: Id of the run.
        id_header: Name of the response header with the app's id of the request.
    """
    tried = list(row.get("attempts", ()))
    usage, status = row.get("usage"), row.get("status")
    last = tried[-1] if tried else None
    retries, fallbacks, waited = _repeats(row, tried)
    request = Request(
        id=number,
        at=row["at"],
        run=run,
        request_id=row["headers"].get(id_header, "")[:LONGEST_TEXT] if "headers" in row else "",
        client=_client(row),
        path=row["path"][:LONGEST_TEXT],
        protocol=protocol(row["path"]),
        model=_model(row, last),
        deployment=last["deployment"][:LONGEST_TEXT] if last else "",
        provider=_provider(last, usage),
        status=status,
        error=_error(row, last, status),
        retries=retries,
        fallbacks=fallbacks,
        waited=waited,
        first_piece=row.get("first"),
        seconds=row.get("seconds"),
        prompt_tokens=usage["prompt"] if usage else None,
        completion_tokens=usage["completion"] if usage else None,
        cached_tokens=usage["cached"] if usage else None,
        reasoning_tokens=usage["reasoning"] if usage else None,
        cost=usage["cost"] if usage else None,
        price=usage["price"] if usage else "",
    )
    return Entry(request, tuple(_attempt(number, place, one) for place, one in enumerate(tried, 1)))


def is_complete(row: RecentRequest) -> bool:
    """Return whether nothing will be added to the row of a request that has ended: its tokens are known, or never will.

    Args:
        row: The request.
    """
    attempts = row.get("attempts")
    return "usage" in row or attempts is None or all(one["error"] for one in attempts)


def _started(row: RecentRequest) -> float:
    return row["at"]


def _attempts(row: RecentRequest) -> int:
    return len(row.get("attempts", ()))


def conversion(prefixes: Sequence[str]) -> Conversion[RecentRequest]:
    """Return what the ledger needs to know about rows.

    Args:
        prefixes: Prefixes of the response headers that rows have.
    """
    id_header = (prefixes[0] if prefixes else "") + ID_HEADER
    return Conversion(partial(entry, id_header=id_header), _started, _attempts, is_complete)


def _client(row: RecentRequest) -> str:
    return OWN_CLIENT if row.get("own") else row.get("client", "")[:LONGEST_TEXT]


def _model(row: RecentRequest, last: recent.Attempt | None) -> str:
    named = row.get("model") or (last["model"] if last else "")
    return UNKNOWN_MODEL if named and last is None and row.get("refused") else named[:LONGEST_TEXT]


def _provider(last: recent.Attempt | None, usage: recent.Usage | None) -> str:
    if last is None:
        return ""
    named = last.get("service") or (usage["provider"] if usage else "")
    prefix, slash, _ = last["deployment"].partition("/")
    return (named or (prefix if slash else ""))[:LONGEST_TEXT]


def _error(row: RecentRequest, last: recent.Attempt | None, status: int | None) -> str:
    """Return the kind of a failure: never the text of an error, which may quote a prompt or a key."""
    if "seconds" not in row:
        return ""
    if row.get("refused"):
        return REFUSED
    if last is not None and last["error"]:
        return last["error"]
    if status is None:
        return "no response"
    return "" if status < FAILED_STATUS else f"status {status}"


def _repeats(row: RecentRequest, tried: list[recent.Attempt]) -> tuple[int, int, float]:
    """Return the numbers of retries and of fallbacks, and the seconds of waiting between attempts and before them."""
    retries = fallbacks = 0
    waited = row.get("held", 0.0)
    for before, after in pairwise(tried):
        retries += after["model"] == before["model"]
        fallbacks += after["model"] != before["model"]
        waited += max(0.0, after["at"] - before["at"] - (before["seconds"] or 0.0))
    return retries, fallbacks, waited


def _attempt(request: int, number: int, one: recent.Attempt) -> Attempt:
    prefix, slash, _ = one["deployment"].partition("/")
    return Attempt(
        request,
        number,
        one["at"],
        one["model"][:LONGEST_TEXT],
        one["deployment"][:LONGEST_TEXT],
        one["id"][:LONGEST_TEXT],
        one["host"][:LONGEST_TEXT],
        (one.get("service") or (prefix if slash else ""))[:LONGEST_TEXT],
        one["seconds"],
        one["status"],
        one["error"],
        one.get("obstacle", ""),
        one.get("retry_after"),
    )


@lru_cache(maxsize=256)
def protocol(path: str) -> str:
    """Return the protocol of a request: chat, messages, responses, embeddings, …; empty if it is none that is known.

    Args:
        path: Path of the request.
    """
    asked = paths.asked(path)
    return PROTOCOLS.get(asked.word, asked.word) if asked else ""

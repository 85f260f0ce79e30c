"""Requests that LiteLLM's workers have refused, as `status` and `client list` show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypedDict

from flowgate.cli import console
from flowgate.cli.session import Session
from flowgate.errors import FlowGateError

SERVICE = "litellm"
MEANWHILE = "workers go on with the clients that they have read last, a new worker accepts the gateway's own key alone"
WORDS = {
    "no_key": "without a key",
    "wrong_key": "with a wrong key",
    "expired_key": "with an expired key",
    "forbidden": "to a path that is not for clients",
    "forbidden_model": "for a model that the client may not ask",
    "too_many": "above requests_per_minute",
    "too_many_parallel": "above max_parallel",
    "unknown_model": "for an unknown model",
    "bad_request": "that no model can answer",
    "too_large": "with too large a body",
    "too_slow": "with too slow a body",
    "overloaded": "above services.litellm.max_requests",
}


class RefusedRequests(TypedDict):
    """Refused requests of one kind, by one client, in one generation; docs/json.md describes the keys."""

    generation: int
    client: str
    kind: str
    count: int


class ClientsReport(TypedDict):
    """The clients' keys and refused requests, as `status` reports them; docs/json.md describes the keys."""

    problem: str
    refused: list[RefusedRequests]


def report(session: Session) -> ClientsReport:
    """Return what `status` says about clients.

    Args:
        session: Config and supervisor.
    """
    return {"problem": file_problem(session), "refused": refused(session)}


def print_report(found: ClientsReport) -> None:
    """Print what `status` says about clients.

    Args:
        found: The report.
    """
    if line := describe(found["refused"]):
        console.data(f"refused  {line}")
    if found["problem"]:
        console.note(f"warning: {found['problem']}; {MEANWHILE}")


def file_problem(session: Session) -> str:
    """Return why the file of the clients' keys cannot be used; empty if it can.

    Args:
        session: Config and supervisor.
    """
    from flowgate.clients.keys import keys_of

    try:
        keys_of(session.config).read()
    except FlowGateError as error:
        return error.what
    return ""


def refused(session: Session) -> list[RefusedRequests]:
    """Return what the living workers have refused; nothing if they cannot be asked.

    Args:
        session: Config and supervisor.
    """
    try:
        workers = session.supervisor.refusals(SERVICE)
    except FlowGateError:
        return []
    counts = Counter[tuple[int, str, str]]()
    for one in workers:  # those of one generation count as one
        for row in one["rows"]:
            counts[one["generation"], row["client"], row["kind"]] += row["count"]
    return [
        {"generation": number, "client": client, "kind": kind, "count": count}
        for (number, client, kind), count in counts.items()
    ]


def describe(found: Iterable[RefusedRequests]) -> str:
    """Describe refused requests in one line: the sum, then each kind; empty if there are none.

    Args:
        found: The refusals.
    """
    kinds = Counter[str]()
    clients: dict[str, set[str]] = {}
    for row in found:
        kinds[row["kind"]] += row["count"]
        clients.setdefault(row["kind"], set()).update(filter(None, [row["client"]]))
    parts = []
    for kind, count in kinds.most_common():
        names = f" ({', '.join(sorted(clients[kind]))})" if clients[kind] else ""
        parts.append(f"{count} {WORDS.get(kind, kind)}{names}")
    return f"{kinds.total()} requests: {', '.join(parts)}" if parts else ""

"""The figures of the command `usage` as `--json` has them, as CSV, and as a table for people."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import console
from flowgate.ledger.entries import OWN_CLIENT
from flowgate.system import streams

if TYPE_CHECKING:
    from collections.abc import Sequence

BY_TIME = ("day", "hour")
ACCOUNT = "account"
NO_NAME = {"client": "(gateway's key)", "model": "(none named)"}
BAR_WIDTH = 16


class UsageGroup(TypedDict):
    """The figures of some requests; docs/json.md describes the keys."""

    name: str
    requests: int
    failures: int
    retries: int
    fallbacks: int
    waited_seconds: float
    counted: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_usd: float
    worth_usd: float
    unpriced: int
    seconds_p50: float | None
    seconds_p95: float | None
    seconds_p99: float | None
    first_piece_p50: float | None
    first_piece_p95: float | None
    first_piece_p99: float | None


class KilledGeneration(TypedDict):
    """A generation that was killed; docs/json.md describes the keys."""

    generation: int
    profile: str
    at: str


class UsageReport(TypedDict):
    """What `usage --json` prints; docs/json.md describes the keys."""

    ledger: str
    enabled: bool
    since: str
    until: str
    by: str
    groups: list[UsageGroup]
    total: UsageGroup
    dropped: int
    killed: list[KilledGeneration]


def print_csv(report: UsageReport) -> None:
    """Print the groups as CSV, with their keys as the heading."""
    text = io.StringIO()
    rows = csv.DictWriter(text, list(report["total"]), lineterminator="\n")
    rows.writeheader()
    rows.writerows(report["groups"])
    console.data_part(text.getvalue())


def print_table(report: UsageReport) -> None:
    """Print the groups and what they add up to; on a terminal, with a bar for each."""
    console.note(f"from {report['since']} to {report['until']} (UTC)")
    if not report["groups"]:
        what = "no request through an account is recorded" if report["by"] == ACCOUNT else "no request is recorded"
        console.note(what + ("" if report["enabled"] else ": the ledger is off (ledger.enabled)"))
        return
    head = [report["by"], "requests", "failed", "tokens in", "out", "cost", "p50", "p95", "p99", "first"]
    groups = [*report["groups"], report["total"]] if len(report["groups"]) > 1 else report["groups"]
    rows = [_cells(one, report["by"]) for one in groups]
    if report["by"] == ACCOUNT:  # nothing is billed for a single attempt of an account
        cost = head.index("cost")
        head, rows = _without(head, cost), [_without(row, cost) for row in rows]
    if streams.output_is_terminal():
        head, rows = [*head, ""], [[*row, bar] for row, bar in zip(rows, _bars(report), strict=False)]
    console.table([head, *rows])
    _print_notes(report)


def _without(cells: list[str], number: int) -> list[str]:
    return [*cells[:number], *cells[number + 1 :]]


def _cells(one: UsageGroup, by: str) -> list[str]:
    is_own = by == "client" and one["name"] == OWN_CLIENT
    name = "(FlowGate's tests)" if is_own else one["name"] or NO_NAME.get(by, "(none)")
    tokens = [short_count(one["prompt_tokens"]), short_count(one["completion_tokens"])]
    times = [shown_time(one[key]) for key in ("seconds_p50", "seconds_p95", "seconds_p99", "first_piece_p50")]
    return [
        name,
        str(one["requests"]),
        str(one["failures"]),
        *tokens,
        shown_cost(one["cost_usd"], one["worth_usd"]),
        *times,
    ]


def shown_cost(billed: float, worth: float) -> str:
    """Return what was billed, and after ≈ what was not billed but is worth about that.

    Args:
        billed: US dollars.
        worth: US dollars.
    """
    parts = [f"${billed:.2f}"] if billed or not worth else []
    parts += [f"≈${worth:.2f}"] if worth else []
    return "+".join(parts)


def short_count(count: int) -> str:
    """Return a count in few characters: 1.2k, 3.4M.

    Args:
        count: The count.
    """
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.1f}{letter}"
    return str(count)


def shown_time(seconds: float | None) -> str:
    """Return a duration in few characters: 120ms, 1.2s; a dash if it is not known.

    Args:
        seconds: The duration.
    """
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f}ms" if seconds < 1 else f"{seconds:.1f}s"


def _bars(report: UsageReport) -> Sequence[str]:
    """Return a bar for each group: its requests, compared with the largest one."""
    most = max(one["requests"] for one in report["groups"])
    bars = ["█" * max(1, round(BAR_WIDTH * one["requests"] / most)) for one in report["groups"]]
    return [*bars, ""]


def _print_notes(report: UsageReport) -> None:
    total = report["total"]
    if total["worth_usd"]:
        console.note("≈ not billed: through accounts of CLIProxyAPIPlus; worth about that by LiteLLM's price list")
    if total["unpriced"]:
        console.note(f"{total['unpriced']} answered requests have no cost here: LiteLLM's price list has no such model")
    uncounted = total["requests"] - total["failures"] - total["counted"]
    if uncounted > 0:
        who = "the service" if report["by"] == ACCOUNT else "LiteLLM"
        console.note(f"{uncounted} answered requests have no token counts: {who} reported none")
    if report["dropped"]:
        console.note(f"warning: {report['dropped']} requests could not be recorded (inv events --event ledger)")
    for one in report["killed"]:
        what = f"generation {one['generation']} ({one['profile']}) was killed at {one['at']}"
        console.note(f"warning: {what}: requests of its last second may be missing")

"""The command `usage`: what was asked, what failed, how long it took and what it cost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flowgate.cli import account_usage, budgets, console, reach
from flowgate.cli.event_log import earliest
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.session import Session
from flowgate.cli.usage_table import ACCOUNT, BY_TIME, UsageGroup, UsageReport, print_csv, print_table
from flowgate.domain.ledger import FILE_NAME
from flowgate.errors import UnknownName, UsageError
from flowgate.ledger import accounts, database, histogram, usage
from flowgate.ledger.hours import HOUR_SECONDS
from flowgate.ledger.usage import Group, Losses, Span
from flowgate.system.clock import Clock, stamp

if TYPE_CHECKING:
    from pathlib import Path

PERCENTILES = (50, 95, 99)
DAY_SECONDS = 86_400


def show(config: str, by: str, since: str, until: str, form: str) -> int:
    """Print the figures of a span of time.

    Args:
        config: Path after `--config`; empty to search for the config.
        by: What the requests are grouped by.
        since: Beginning of the span: "7d", "2h" or a timestamp.
        until: Its end; empty for now.
        form: "json", "csv" or empty for a table.

    Raises:
        UnknownName: Requests cannot be grouped by that.
        UsageError: The span ends before it begins.
        EnvironmentFailure: The ledger cannot be read.
    """
    if by not in (*usage.BY, ACCOUNT):
        raise UnknownName("value of --by", by, known=(*usage.BY, ACCOUNT))
    span = read_span(since, until)
    session = open_to_read(config)
    groups, lost = _collect(ledger_path(session), span, by)
    report = _report(session, span, by, groups, lost)
    if form == "json":
        console.document(report)
        return 0
    if form == "csv":
        print_csv(report)
        return 0
    console.note(session.describe())
    print_table(report)
    if by == ACCOUNT:
        console.note(account_usage.remark(account_usage.source_report(session, session.supervisor.status())))
    if not groups:
        reach.print_others(session, "usage")
    budgets.print_exhausted(budgets.exhausted(session))
    return 0


def ledger_path(session: Session) -> Path:
    """Return the path of the ledger.

    Args:
        session: Config and supervisor.
    """
    return session.config.paths.runtime_dir / FILE_NAME


def read_span(since: str, until: str) -> Span:
    """Return the span that two words mean.

    Args:
        since: Its beginning: a duration before now, or a timestamp.
        until: Its end; empty for now.

    Raises:
        InvalidValue: One has another form.
        UsageError: It ends before it begins, or begins in the future.
    """
    return _span(since, until, by_hours=True)


def read_exact_span(since: str, until: str) -> Span:
    """Return the span that two words mean, to the second.

    Args:
        since: Its beginning: a duration before now, or a timestamp.
        until: Its end; empty for now.

    Raises:
        InvalidValue: One has another form.
        UsageError: It ends before it begins, or begins in the future.
    """
    return _span(since, until, by_hours=False)


def _span(since: str, until: str, *, by_hours: bool) -> Span:
    now = Clock().wall().timestamp()
    begin, last = _begin(since, now), now + 1
    if by_hours:
        last = now - now % HOUR_SECONDS + HOUR_SECONDS
        if begin < now - DAY_SECONDS:
            begin -= begin % HOUR_SECONDS  # single requests need not be read
    end = _seconds(earliest(until, "until")) if until else last
    if end <= begin:
        raise UsageError(f"--until {until} is not after --since {since}", fix="name a later end, or leave it out")
    return Span(begin, end)


def _begin(since: str, now: float) -> float:
    begin = _seconds(earliest(since, "since"))
    if begin > now:
        raise UsageError(f"--since {since} is in the future", fix="name an earlier time, such as 24h")
    return begin


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp() if timestamp else 0.0


def _collect(path: Path, span: Span, by: str) -> tuple[dict[str, Group], Losses]:
    connection = database.open_to_read(path)
    if connection is None:
        return {}, Losses(0, [])
    with database.translate_errors(path):
        try:
            groups = accounts.collect(connection, span) if by == ACCOUNT else usage.collect(connection, span, by)
            return groups, usage.losses(connection, span)
        finally:
            connection.close()


def _report(session: Session, span: Span, by: str, groups: dict[str, Group], lost: Losses) -> UsageReport:
    total = Group()
    for one in groups.values():
        total.sums.add(one.sums)
        total.billed, total.worth = total.billed + one.billed, total.worth + one.worth
        total.unpriced += one.unpriced
    by_size = sorted(groups.items(), key=lambda item: (-item[1].sums.requests, item[0]))
    ordered = sorted(groups.items()) if by in (*BY_TIME, "status") else by_size
    return {
        "ledger": str(ledger_path(session)),
        "enabled": session.config.ledger.enabled,
        "since": _stamp(span.since),
        "until": _stamp(min(span.until, Clock().wall().timestamp())),
        "by": by,
        "groups": [_figures(name, one) for name, one in ordered],
        "total": _figures("total", total),
        "dropped": lost.dropped,
        "killed": [{"generation": one.generation, "profile": one.profile, "at": _stamp(one.at)} for one in lost.killed],
    }


def _stamp(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC))


def _figures(name: str, one: Group) -> UsageGroup:
    sums = one.sums
    middle, slow, slowest = (_rounded(x) for x in histogram.percentiles(sums.latency, PERCENTILES))
    first, late, latest = (_rounded(x) for x in histogram.percentiles(sums.first_pieces, PERCENTILES))
    return {
        "name": name,
        "requests": sums.requests,
        "failures": sums.failures,
        "retries": sums.retries,
        "fallbacks": sums.fallbacks,
        "waited_seconds": round(sums.waited, 3),
        "counted": sums.counted,
        "prompt_tokens": sums.prompt_tokens,
        "completion_tokens": sums.completion_tokens,
        "cached_tokens": sums.cached_tokens,
        "reasoning_tokens": sums.reasoning_tokens,
        "cost_usd": round(one.billed, 6),
        "worth_usd": round(one.worth, 6),
        "unpriced": one.unpriced,
        "seconds_p50": middle,
        "seconds_p95": slow,
        "seconds_p99": slowest,
        "first_piece_p50": first,
        "first_piece_p95": late,
        "first_piece_p99": latest,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)

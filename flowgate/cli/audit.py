"""The command `audit`: whether the profiles that served kept their promises."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.audit import report
from flowgate.audit.audit import DIFFERENCES, NOT_EXERCISED, UNKNOWN, Audit
from flowgate.audit.result import AuditResult
from flowgate.cli import cleared_cooldowns, console, run_reports, stored_reports, usage
from flowgate.cli.open_to_read import open_to_read
from flowgate.errors import UnknownName
from flowgate.ledger import database
from flowgate.rehearsal.comparisons import BROKEN
from flowgate.system import files
from flowgate.system.clock import Clock, stamp

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from flowgate.ledger.usage import Span

MOST_OUTAGES, MOST_IDS = 20, 8  # in the tables for people


def show(config: str, since: str, until: str, profile: str, *, as_json: bool, html: str, keep: bool = True) -> int:
    """Print the verdicts, and return 1 if a promise is broken.

    Args:
        config: Path after `--config`; empty to search for the config.
        since: Beginning of the span: "24h" or a timestamp.
        until: Its end; empty for now.
        profile: Name of a profile; empty for all.
        as_json: Print one JSON document instead of tables.
        html: File for an HTML report; empty for none.
        keep: Keep the result in the runtime folder, for the dashboard.

    Raises:
        UnknownName: Neither the config nor the ledger knows the profile.
        UsageError: The span ends before it begins.
        EnvironmentFailure: The ledger cannot be read.
    """
    span = usage.read_exact_span(since, until)
    run_reports.check_writable({"html": html})
    session = open_to_read(config)
    result = _audit(session, span, profile)
    if html:
        files.write_atomic(Path(html).expanduser().absolute(), report.page(result))
    if keep and result["profiles"]:
        stored_reports.keep_audit(session, result)
    if as_json:
        console.document(result)
    else:
        console.note(session.describe())
        _print(result, profile)
    return 1 if result["broken"] else 0


def _audit(session: Session, span: Span, profile: str) -> AuditResult:
    path = usage.ledger_path(session)
    result: AuditResult = {
        "ledger": str(path),
        "enabled": session.config.ledger.enabled,
        "since": _stamp(span.since),
        "until": _stamp(min(span.until, Clock().wall().timestamp())),
        "requests": 0,
        "broken": 0,
        "dropped": 0,
        "killed": [],
        "cleared": [],
        "in_progress": 0,
        "kept_since": None,
        "profiles": [],
        "outages": [],
        "differences": list(DIFFERENCES),
    }
    result["cleared"] = cleared_cooldowns.read(session, result["since"], result["until"])
    connection = database.open_to_read(path)
    known = set(session.config.profiles)
    if connection is not None:
        with database.translate_errors(path):
            try:
                audit = Audit(connection, span, profile)
            finally:
                connection.close()
        known |= audit.names
        _fill(result, audit)
    if profile and profile not in known:
        raise UnknownName("profile", profile, known=sorted(known))
    result["requests"] = sum(one["requests"] for one in result["profiles"])
    promises = [promise for one in result["profiles"] for promise in one["promises"]]
    result["broken"] = sum(one["verdict"] == BROKEN for one in promises)
    return result


def _fill(result: AuditResult, audit: Audit) -> None:
    result["profiles"], result["outages"] = audit.profiles(), audit.outages()
    result["dropped"], result["in_progress"] = audit.losses.dropped, audit.in_progress
    result["killed"] = [
        {"generation": one.generation, "profile": one.profile, "at": _stamp(one.at)} for one in audit.losses.killed
    ]
    result["kept_since"] = None if audit.kept_since is None else _stamp(audit.kept_since)


def _stamp(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC))


def _print(result: AuditResult, wanted: str) -> None:
    console.note(f"from {result['since']} to {result['until']} (UTC)")
    for gap in report.gaps(result):
        console.note(f"warning: {gap}")
    if not result["profiles"]:
        off = "" if result["enabled"] else ": the ledger is off (ledger.enabled)"
        whose = f" of profile {wanted}" if wanted else ""
        console.note(f"no request{whose} is recorded in this time, so there is nothing to audit{off}")
        return
    for one in result["profiles"]:
        console.data(report.heading(one))
        if {promise["verdict"] for promise in one["promises"]} == {NOT_EXERCISED}:
            console.data("nothing failed that would show whether its promises hold\n")
            continue
        console.table(report.promise_table(one))
        for promise in one["promises"]:
            if promise["requests"]:
                more = f" and {len(promise['requests']) - MOST_IDS} more" if len(promise["requests"]) > MOST_IDS else ""
                ids = " ".join(promise["requests"][:MOST_IDS])
                console.data(f"  {promise['promise']} is broken by: {ids}{more} (inv explain --id ID)")
        console.data("")
    if result["outages"]:
        console.table(report.outage_table(result["outages"][-MOST_OUTAGES:]))
        if len(result["outages"]) > MOST_OUTAGES:
            console.note(f"the last {MOST_OUTAGES} of {len(result['outages'])} outages; --json has all")
    else:
        console.data("no outage")
    for line in report.cleared(result):
        console.note(line)
    verdicts = {promise["verdict"] for one in result["profiles"] for promise in one["promises"]}
    if {BROKEN, UNKNOWN} & verdicts:
        for difference in result["differences"]:
            console.note(difference)

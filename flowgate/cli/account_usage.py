"""What is said about the records that CLIProxyAPIPlus hands out about its accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import console
from flowgate.gateway import cliproxy

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from flowgate.supervisor.status_document import StatusDocument

RESTART = f"inv service.restart --service {cliproxy.NAME}"
OFF, STOPPED, TROUBLE = "off", "stopped", ("refused", "failing")


class SourceReport(TypedDict):
    """How the collection of records goes; docs/json.md describes the keys."""

    state: str
    problem: str
    records: int
    unreadable: int


def source_report(session: Session, found: StatusDocument) -> SourceReport:
    """Return how the collection of records goes.

    Args:
        session: Config and supervisor.
        found: What the supervisor runs.
    """
    state, problem = OFF, "the gateway has no CLIProxyAPIPlus"
    if not session.config.ledger.enabled:
        problem = "the ledger is off (ledger.enabled)"
    elif cliproxy.is_configured(session.config):
        state, problem = STOPPED, "CLIProxyAPIPlus does not run, or was started by an earlier FlowGate"
    source = found.get("usage_sources", {}).get(cliproxy.NAME)
    return SourceReport(**source) if source else {"state": state, "problem": problem, "records": 0, "unreadable": 0}


def remark(report: SourceReport) -> str:
    """Describe how the collection of records goes, in one line.

    Args:
        report: How it goes.
    """
    if report["state"] == "collecting":
        lost = f"; {report['unreadable']} were not understood" if report["unreadable"] else ""
        return f"from responses to {report['records']} requests since CLIProxyAPIPlus started{lost}; no vendor is asked"
    if report["state"] == "absent":
        return "note: this CLIProxyAPIPlus hands out no records of its requests (7.2 and newer do): nothing is added"
    fix = f"; {RESTART}" if report["state"] in (STOPPED, "refused") else ""
    return f"note: requests by account are not recorded now: {report['problem']}{fix}"


def print_trouble(report: SourceReport) -> None:
    """Print a warning if the records cannot be collected.

    Args:
        report: How the collection goes.
    """
    if report["state"] in TROUBLE:
        console.note(f"warning: {remark(report).removeprefix('note: ')}")

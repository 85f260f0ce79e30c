"""What `status` says about the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import console
from flowgate.domain.ledger import FILE_NAME
from flowgate.errors import FlowGateError

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from flowgate.supervisor.status_document import StatusDocument

SERVICE = "litellm"


class LedgerReport(TypedDict):
    """The ledger; docs/json.md describes the keys."""

    enabled: bool
    path: str
    waiting: int | None
    dropped: int | None
    problem: str


def ledger_state(session: Session, found: StatusDocument) -> LedgerReport:
    """Ask the serving generation how its ledger is.

    Args:
        session: Config and supervisor.
        found: What the supervisor runs.
    """
    path = str(session.config.paths.runtime_dir / FILE_NAME)
    report: LedgerReport = {
        "enabled": session.config.ledger.enabled,
        "path": path,
        "waiting": None,
        "dropped": None,
        "problem": "",
    }
    generations = found["services"].get(SERVICE, {}).get("generations", ())
    serving = next((one for one in generations if one["phase"] == "serving"), None)
    if serving is None or serving.get("silent") or not report["enabled"]:
        return report
    try:
        states = session.supervisor.query(SERVICE, "ledger")
    except FlowGateError:  # it was started by an earlier FlowGate, or is no generation of ours
        return report
    if not states:
        return report
    return {  # of all workers of the generation
        **report,
        "waiting": sum(state["waiting"] for state in states),
        "dropped": sum(state["dropped"] for state in states),
        "problem": next((state["problem"] for state in states if state["problem"]), ""),
    }


def print_trouble(report: LedgerReport) -> None:
    """Print a warning if requests are not recorded.

    Args:
        report: The ledger.
    """
    if report["problem"]:
        console.note(f"warning: requests are not recorded now ({report['path']}): {report['problem']}")
    if report["dropped"]:
        console.note(f"warning: {report['dropped']} requests could not be recorded (inv events --event ledger)")

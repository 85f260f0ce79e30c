"""Check of what runs: a service that serves without the one that it needs refuses its clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowgate.cli.checks.finding import Finding
from flowgate.cli.checks.runtime import read_only_context
from flowgate.cli.session import Session

if TYPE_CHECKING:
    from flowgate.supervisor.protocol import StatusDocument

CHECK = "services"
SERVES = ("serving", "orphaned")


def services(session: Session) -> Iterator[Finding]:
    """Check that each service that serves has the services that it needs."""
    status = session.supervisor.status()
    stack = read_only_context(session, []).stack()
    serving = [name for name in stack.services if _serves(status, name)]
    broken = False
    for name in serving:
        service = stack.services[name]
        for needed in sorted({*service.after, *service.program.hold_while_down} - set(serving)):
            broken = True
            yield _missing(status, name, needed)
    if not broken:
        yield Finding(CHECK, "pass", f"running: {', '.join(serving)}" if serving else "no service serves")


def _missing(status: StatusDocument, name: str, needed: str) -> Finding:
    if status["services"].get(needed, {}).get("generations"):
        return Finding(CHECK, "warn", f"{needed}, which {name} needs, is starting or stopping", "inv health")
    why = status["services"].get(needed, {}).get("failure") or "not running"
    message = f"{name} serves without {needed} ({why}): requests that need it are answered with 503"
    return Finding(CHECK, "fail", message, f"inv service.start --service {needed}")


def _serves(status: StatusDocument, name: str) -> bool:
    return any(one["phase"] in SERVES for one in status["services"].get(name, {}).get("generations", ()))

"""Check of the services while the gateway runs: the same requests as `health`."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.cli.checks.finding import Finding
from flowgate.cli.health import Health, check
from flowgate.cli.session import Session

CHECK = "services"


def services(session: Session) -> Iterator[Finding]:
    """Check that every service runs and is ready, if one of them runs."""
    status = session.supervisor.status()["services"]
    found = {name: check(session, name, status.get(name, {})) for name in session.config.services}
    running = [name for name, one in found.items() if one["live"] is not False]
    if not running:
        yield Finding(CHECK, "pass", "no service runs; `inv up` starts them")
        return
    for name, one in found.items():
        yield _finding(name, one, ", ".join(other for other in running if other != name))


def _finding(name: str, health: Health, others: str) -> Finding:
    if health["live"] is False:
        what = f"{name} does not run beside {others}: requests that need it fail ({health['error']})"
        return Finding(CHECK, "fail", what, f"inv service.start --service {name}")
    if health["ready"] is False:
        return Finding(CHECK, "fail", f"{name} is not ready: {health['error'] or health['status']}", "inv health")
    if health["ready"] is None:
        return Finding(CHECK, "warn", f"whether {name} is ready is unknown: {health['error']}", "inv health")
    return Finding(CHECK, "pass", f"{name} is alive and ready")

"""Which service's records are collected: a part of the supervisor's regular work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowgate.ledger.account_entries import Rise
    from flowgate.supervisor.collector import Collector, Target
    from flowgate.supervisor.source_status import SourceStatus
    from flowgate.supervisor.supervisor import Supervisor


class UsageRounds:
    """Follows the serving generation that hands out records; without one, nothing is imported for it."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._collector: Collector | None = None

    def run(self) -> None:
        """Do one round."""
        target = self._target()
        if self._collector is None:
            if target is None:
                return
            from flowgate.supervisor.collector import Collector

            self._collector = Collector(self._supervisor.journal.log, self._report)
        self._collector.follow(target)

    def status(self) -> dict[str, SourceStatus]:
        """Return how the collection goes, by service."""
        return self._collector.status() if self._collector is not None else {}

    def _target(self) -> Target | None:
        for service, state in self._supervisor.states.items():
            serving = state.serving()
            program = self._supervisor.programs.get((service, serving.number)) if serving else None
            if serving is not None and program is not None and program.usage_source is not None:
                from flowgate.supervisor.collector import Target

                secret = program.env.get(program.usage_source.key_variable)
                key, address = (service, serving.number), (program.host, program.port)
                return Target(key, program.usage_source, address, secret)
        return None

    def _report(self, service: str, rise: Rise) -> None:
        from flowgate.ledger.account_entries import LIMIT

        one = rise.reading
        end = f", until {datetime.fromtimestamp(one.resets_at, UTC):%Y-%m-%dT%H:%M:%SZ}" if one.resets_at else ""
        what = f"{one.used:.0f} % of the {one.window} limit is used"
        if one.window == LIMIT:
            what = f"the vendor refuses requests to {one.model or 'this account'} because of a limit"
        detail = f"{one.provider} {one.account}: {what}{end}"
        self._supervisor.journal.write_quota(service, one.provider, "exhausted" if rise.exhausted else "warn", detail)

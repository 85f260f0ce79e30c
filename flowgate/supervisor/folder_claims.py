"""The folders that no other host may use while a program of this supervisor runs: claimed, and the claim renewed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.errors import FlowGateError
from flowgate.system import host_claims

if TYPE_CHECKING:
    from flowgate.supervisor.supervisor import Supervisor


class FolderClaims:
    """The claims of one supervisor.

    Args:
        supervisor: The supervisor; its folder is `run/` of the runtime folder.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._own = host_claims.own_claim(supervisor.folder.parent)
        self._renewed: dict[Path, float] = {}

    def run(self) -> None:
        """Claim what is used, renew what is due, and give back what is no longer used."""
        now = self._supervisor.clock.now()
        used = {folder for worker in self._supervisor.workers.values() for folder in worker.program.claimed_folders}
        for folder in used:
            if now - self._renewed.get(folder, -host_claims.RENEW_SECONDS) >= host_claims.RENEW_SECONDS:
                self._renewed[folder] = now
                self._renew(folder)
        for folder in self._renewed.keys() - used:
            del self._renewed[folder]
            host_claims.release(folder, self._own)

    def _renew(self, folder: Path) -> None:
        try:
            other = host_claims.renew(folder, self._own)
        except FlowGateError as error:  # a full disk does not stop a program
            self._supervisor.journal.log(f"{folder} cannot be claimed: {error.what}")
            return
        if other:
            self._supervisor.journal.log(f"{folder} is used by {other.host} too ({other.user}); stop one of the two")

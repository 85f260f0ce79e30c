"""Secrets in the logs of programs, hidden as a part of the supervisor's regular work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.domain.secret_names import is_secret_name

if TYPE_CHECKING:
    from flowgate.supervisor.supervisor import Supervisor


class LogRounds:
    """Hides the keys that programs write into their logs, within a second or two."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._offsets: dict[Path, int] = {}
        self._known: dict[Path, tuple[frozenset[str], re.Pattern[bytes]]] = {}

    def run(self) -> None:
        """Do one round."""
        from flowgate.system import log_redaction

        found: dict[Path, set[str]] = {}
        for worker in self._supervisor.workers.values():
            env = worker.program.env.items()
            keys = {value.reveal() for name, value in env if is_secret_name(name.lower())}
            found.setdefault(worker.program.log, set()).update(keys)
        self._offsets = {path: self._offsets.get(path, 0) for path in found}
        for path, secrets in found.items():
            if path not in self._known or self._known[path][0] != secrets:
                self._known[path] = (frozenset(secrets), log_redaction.pattern(secrets))
            self._offsets[path] = log_redaction.redact(path, self._offsets[path], self._known[path][1])

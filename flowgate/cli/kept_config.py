"""A copy of the config that serves: commands that report go by it when an edit has broken the file.

The copy is the text that was read, with the names of variables and not their values. It is private as the rendered
config files are, and is gone once nothing runs.
"""

from __future__ import annotations

from pathlib import Path

from flowgate.cli import console
from flowgate.cli.session import Session, read_session
from flowgate.domain import Report, Sourced
from flowgate.errors import DiskError, FlowGateError, UsageError
from flowgate.supervisor import config_record

BY = "kept"
DID = ("changed", "unchanged")


def update(session: Session, report: Report) -> None:
    """Keep the config after a run that has put it into force; forget it after one that has stopped everything.

    Args:
        session: The session of this command; it holds the lock.
        report: How its run ended.
    """
    runtime = session.config.paths.runtime_dir
    did = {one.step for one in report.outcomes if one.status in DID}
    if report.code or not did & {"promote", "start", "stop"}:
        return
    runs = any(one["generations"] for one in session.supervisor.status()["services"].values())
    try:
        if not runs:
            config_record.forget(runtime)
        elif (kept := config_record.load_in_force(runtime)) != session.texts and ("promote" in did or not kept):
            config_record.save_in_force(runtime, session.texts)
    except DiskError as error:
        console.note(f"warning: no copy of the config is kept: {error}")


def in_force(runtime: Path) -> Session | None:
    """Return the config that serves, as the command that started it has kept it; None if none is kept.

    Args:
        runtime: The runtime folder.
    """
    texts = config_record.load_in_force(runtime)
    if not texts:
        return None

    def read_text(path: Path) -> str:
        if str(path) not in texts:
            raise UsageError(f"{path} was not kept")
        return texts[str(path)]

    try:
        return read_session(Sourced(Path(next(iter(texts))), BY), read_text, quiet=True)
    except FlowGateError:  # kept by another version of FlowGate
        return None

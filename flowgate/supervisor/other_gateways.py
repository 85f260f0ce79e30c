"""Which FlowGate a process belongs to: supervisors name their runtime folder, whose records name their processes."""

from __future__ import annotations

from pathlib import Path

from flowgate.supervisor import orphans
from flowgate.supervisor.daemon_process import DAEMON
from flowgate.system import process_table, processes


def config_of(pid: int | None) -> str:
    """Return the config, or else the runtime folder, of the FlowGate that a process belongs to; empty if there is none.

    Args:
        pid: The process; None for one that is not visible.
    """
    if pid is None:
        return ""
    for supervisor in process_table.pids():
        argv = process_table.argv(supervisor)
        if DAEMON not in argv[:-1]:
            continue
        runtime = Path(argv[argv.index(DAEMON) + 1])
        records = [record for _, record in orphans.records(runtime / "run")]
        roots = [supervisor, *(int(record.get("pid") or 0) for record in records)]
        if any(pid == one.pid for root in roots if root for one in processes.tree_of(root)):
            configs = [str(record["labels"]["config"]) for record in records if "config" in record.get("labels", {})]
            return next(iter(configs), str(runtime))
    return ""

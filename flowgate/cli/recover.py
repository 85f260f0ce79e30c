"""The command `service recover`: replace a supervisor that does not answer."""

from __future__ import annotations

from flowgate.cli import console, reach
from flowgate.cli.open_to_read import open_to_read


def recover(config: str) -> int:
    """Replace the supervisor if it does not answer or was killed, and print what the new one has taken over.

    Args:
        config: Path after `--config`; empty to search for the config.

    Returns:
        0, also when there was nothing to do.

    Raises:
        EnvironmentFailure: The supervisor cannot be replaced.
    """
    from flowgate.supervisor import recovery

    session = open_to_read(config)
    console.note(session.describe())
    done = recovery.recover(session.supervisor)
    session.supervisor.close()
    if done.replaced is not None:
        console.data(f"killed the supervisor (pid {done.replaced}), which did not answer")
    if done.supervisor is None:
        console.data(
            "no service of it is left running" if done.replaced else "nothing runs; there is nothing to recover"
        )
        reach.print_others(session, "service.recover")
        return 0
    if done.replaced is None and not done.adopted and not done.stopped:
        console.data(f"the supervisor (pid {done.supervisor}) answers; there is nothing to recover")
        return 0
    console.data(f"a new supervisor (pid {done.supervisor}) runs")
    for service, one in done.adopted:
        console.data(f"adopted {service} generation {one['number']} (process {one.get('pid')}), {one['phase']}")
    for record in done.stopped:
        name, number, pid = record["service"], record["number"], record["pid"]
        console.note(f"warning: {name} generation {number} (process {pid}) did not serve or did not answer; stopped")
    if done.stopped:
        console.note(console.spell_commands("  fix: inv up"))
    return 0

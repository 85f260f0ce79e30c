"""systemd: one unit that runs the whole gateway on this host, as `service install` would."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from flowgate.export import unit_file
from flowgate.export.plan import Plan, Unit
from flowgate.export.templates import render

WRITTEN_BY = "Written by `flowgate export systemd`; change it by a drop-in."
START_MARGIN = 60  # seconds


def files(plan: Plan) -> dict[str, str]:
    """Return the files, by their paths in the target folder.

    Args:
        plan: The export.

    Raises:
        UsageError: A path cannot be written into a unit.
    """
    unit = plan.unit or Unit(())
    wanted = unit_file.Wanted(
        name=unit.title,
        command=unit.command,
        folder=Path(unit.working_folder),
        drain_seconds=plan.longest_seconds,
        user=unit.user,
        has_southbound=unit.has_southbound,
        start_seconds=max(
            unit_file.START_SECONDS, sum(one.ready_timeout for one in plan.config.services.values()) + START_MARGIN
        ),
        written_by=WRITTEN_BY,
        written=tuple(path.parent for path in plan.config.paths),
        documentation=f"file:{quote(f'{unit.folder}/README.md')}",
    )
    secrets = str(plan.config.paths.runtime_dir.parent / "secrets")
    readme = render("systemd/README.md", user=unit.user, secrets=secrets)
    return {"flowgate.service": unit_file.plain_unit(wanted), "README.md": readme}

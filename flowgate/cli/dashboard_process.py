"""The process of the dashboard. It is small because it has not imported what reads a command line."""

from __future__ import annotations

import asyncio
import math
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from flowgate.cli import console
from flowgate.cli.dashboard import HOST, KEEP, OPENING_PAGE
from flowgate.cli.dashboard_sources import SessionSources
from flowgate.cli.entrypoint import complete, guarded
from flowgate.cli.session import Session, open_session
from flowgate.dashboard import control
from flowgate.dashboard.access import Access
from flowgate.dashboard.server import DashboardServer
from flowgate.errors import FlowGateError
from flowgate.system import sockets
from flowgate.system.file_access import Files

IDLE_SECONDS = 30 * 60.0


def main(config: str, port: str, keep: str = "") -> int:
    """Serve the dashboard.

    Args:
        config: Path of the config.
        port: The port.
        keep: `KEEP` to serve until it is stopped, also when nobody looks.
    """
    session = open_session(config, quiet=True)
    folder = session.supervisor.folder
    sources = SessionSources(config, session)
    with suppress(FlowGateError):  # the page says what is wrong
        sources.overview()  # imports what the first page needs, before there is a link to it
    access = Access(int(port), on_open=lambda: _delete(folder / OPENING_PAGE))
    with sockets.listen(HOST, int(port)) as listener, control.listen(folder) as links:
        idle = math.inf if keep == KEEP else IDLE_SECONDS
        server = DashboardServer(sources, access, idle, partial(_leave, session))
        asyncio.run(server.run_on(listener, links))
    _delete(folder / OPENING_PAGE, control.path(folder))
    console.note("the dashboard has stopped")
    return 0


def _delete(*paths: Path) -> None:
    Files(acting=True).delete(list(paths))


def _leave(session: Session) -> bool:
    """Have the supervisor stop this process; return False if it cannot."""
    from flowgate.supervisor.client import SupervisorClient

    paths = session.config.paths
    try:
        return bool(SupervisorClient(paths.runtime_dir, paths.log_file).stop([control.NAME])["stopped"])
    except FlowGateError:
        return False


if __name__ == "__main__":
    sys.exit(complete(guarded(partial(main, *sys.argv[1:]))))

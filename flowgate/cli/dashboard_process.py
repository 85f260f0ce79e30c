"""The process of the dashboard. It is small because it has not imported what reads a command line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from flowgate.cli import console
from flowgate.cli.dashboard_sources import SessionSources
from flowgate.cli.entrypoint import complete, guarded
from flowgate.cli.session import open_session
from flowgate.dashboard.access import Access
from flowgate.dashboard.server import DashboardServer, serve
from flowgate.errors import FlowGateError, Interrupted
from flowgate.system import terminal
from flowgate.system.become import inherited
from flowgate.system.file_access import Files

IDLE_SECONDS = 30 * 60.0
ENDS = {
    "": "stopped",
    "idle": "stopped: nobody has looked for 30 minutes",
    "page": "stopped on its page",
    "interrupted": "interrupted",
}


def main(descriptor: str, config: str, how: str) -> int:
    """Serve the dashboard.

    Args:
        descriptor: Of the listener.
        config: Path after `--config`; empty to search for the config.
        how: "open" opens the link in the user's browser; "print" prints it.
    """
    session = open_session(config, quiet=True)
    with ExitStack() as stack:
        listener = stack.enter_context(inherited(descriptor))
        sources = SessionSources(config, session)
        with suppress(FlowGateError):  # the page says what is wrong
            sources.overview()  # imports what the first page needs, before there is a link to it
        access = Access(listener.getsockname()[1])
        server = DashboardServer(sources, access, IDLE_SECONDS)
        console.note("the dashboard serves until Ctrl-C, or until nobody has looked for 30 minutes")
        if how == "open":
            stack.callback(_open(access.link, session.config.paths.runtime_dir))
        else:
            console.note("this link opens it, once:")
            console.data(access.link)
        serve(listener, server)
    console.note(ENDS[server.ended_by])
    return Interrupted.code if server.ended_by == "interrupted" else 0


def _open(link: str, folder: Path) -> Callable[[], object]:
    """Open the link in the user's browser, through a private file: the arguments of a browser can be read by others.

    Args:
        link: The link.
        folder: A private folder.

    Returns:
        Deletes the file.
    """
    page = folder / f"dashboard-{urlsplit(link).port}.html"
    refresh = f'<meta http-equiv="refresh" content="0; url={link}">'
    Files(acting=True).write(page, f'<!DOCTYPE html><meta name="referrer" content="no-referrer">{refresh}\n')
    if terminal.open_browser(page.as_uri()):
        console.note("opened in your browser")
    else:
        console.note("no browser could be opened; this link opens it, once:")
        console.data(link)
    return partial(Files(acting=True).delete, [page])


if __name__ == "__main__":
    sys.exit(complete(guarded(partial(main, *sys.argv[1:]))))

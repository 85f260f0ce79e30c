"""The command `dashboard`: serve pages on loopback, and print the link that opens them once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flowgate.cli import arguments, console
from flowgate.cli.session import open_session
from flowgate.errors import EnvironmentFailure, InvalidValue

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
LAST_PORT = 65_535
IDLE_SECONDS = 30 * 60.0


def run(config: str, port: str, open_page: bool) -> int:
    """Serve the dashboard until Ctrl-C, until it is stopped on its page, or for half an hour without a request.

    Args:
        config: Path after `--config`; empty to search for the config.
        port: The port; 0 for a free one.
        open_page: Open the link in the user's browser.

    Raises:
        InvalidValue: There is no such port.
        EnvironmentFailure: The port is in use.
    """
    number = arguments.count("port", port) if port != "0" else 0
    if number > LAST_PORT:
        raise InvalidValue("port", found=port, wanted=f"a port from 1 to {LAST_PORT}; 0 for a free one")
    session = open_session(config)
    console.note(session.describe())
    from flowgate.cli.dashboard_sources import SessionSources
    from flowgate.dashboard.access import Access
    from flowgate.dashboard.server import DashboardServer, serve
    from flowgate.system import sockets

    try:
        listener = sockets.listen(HOST, number)
    except EnvironmentFailure as error:
        raise EnvironmentFailure(error.what, fix="inv dashboard --port 0") from None
    with ExitStack() as stack:
        stack.enter_context(listener)
        access = Access(listener.getsockname()[1])
        server = DashboardServer(SessionSources(config, session), access, IDLE_SECONDS)

        def announce() -> None:
            console.note("the dashboard serves until Ctrl-C, or until nobody has looked for 30 minutes")
            if open_page:
                stack.callback(_open(access.link, session.config.paths.runtime_dir))
            else:
                console.note("this link opens it, once:")
                console.data(access.link)

        serve(listener, server, announce)
    console.note("nobody has looked for 30 minutes: stopped" if server.was_idle else "stopped")
    return 0


def _open(link: str, folder: Path) -> Callable[[], object]:
    """Open the link in the user's browser, through a private file: the arguments of a browser can be read by others.

    Args:
        link: The link.
        folder: A private folder.

    Returns:
        Deletes the file.
    """
    from flowgate.system import terminal
    from flowgate.system.file_access import Files

    page = folder / f"dashboard-{urlsplit(link).port}.html"
    refresh = f'<meta http-equiv="refresh" content="0; url={link}">'
    Files(acting=True).write(page, f'<!DOCTYPE html><meta name="referrer" content="no-referrer">{refresh}\n')
    if terminal.open_browser(page.as_uri()):
        console.note("opened in your browser")
    else:
        console.note("no browser could be opened; this link opens it, once:")
        console.data(link)
    return partial(Files(acting=True).delete, [page])

"""The command `dashboard`: check the command line, then become the small process that serves the pages."""

from __future__ import annotations

from flowgate.cli import arguments, console
from flowgate.cli.session import open_session
from flowgate.errors import EnvironmentFailure, InvalidValue

HOST = "127.0.0.1"
LAST_PORT = 65_535
PROCESS = "flowgate.cli.dashboard_process"


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
    console.note(open_session(config).describe())
    from flowgate.system import sockets
    from flowgate.system.become import become

    try:
        listener = sockets.listen(HOST, number)
    except EnvironmentFailure as error:
        raise EnvironmentFailure(error.what, fix="inv dashboard --port 0") from None
    become(PROCESS, [config, "open" if open_page else "print"], listener)

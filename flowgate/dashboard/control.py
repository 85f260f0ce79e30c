"""The private socket on which the dashboard hands out one-time links to commands of the same user."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.system.unix_sockets import connect_unix, listen_unix, unix_path

if TYPE_CHECKING:
    from socket import socket

NAME = "dashboard"
METRICS_PATH = "/metrics"
SOCKET_NAME = "dashboard.sock"
LONGEST_LINK = 1_000
ANSWER_SECONDS = 5.0


def path(folder: Path) -> Path:
    """Return the path of the socket.

    Args:
        folder: `run/` of the runtime folder.
    """
    return unix_path(folder, SOCKET_NAME)


def listen(folder: Path) -> socket:
    """Listen for commands that want a link.

    Args:
        folder: `run/` of the runtime folder.

    Raises:
        EnvironmentFailure: Another dashboard listens there.
    """
    return listen_unix(path(folder))


def ask_for_link(folder: Path) -> str:
    """Return a new link of the dashboard that runs; empty if none does.

    Args:
        folder: `run/` of the runtime folder.

    Raises:
        Unreachable: It does not answer.
    """
    if not folder.is_dir():
        return ""
    connection = connect_unix(path(folder), ANSWER_SECONDS)
    if connection is None:
        return ""
    with connection:
        try:
            return b"".join(iter(lambda: connection.recv(LONGEST_LINK), b"")).decode()
        except OSError:  # it is just leaving, or hangs
            return ""


async def hand_out_links(listener: socket, new_link: Callable[[], str]) -> asyncio.AbstractServer:
    """Send a new link to everyone who connects.

    Args:
        listener: What `listen` returned.
        new_link: Makes a link.

    Returns:
        The server, to be closed.
    """

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(new_link().encode())
        writer.close()

    return await asyncio.start_unix_server(send, sock=listener)

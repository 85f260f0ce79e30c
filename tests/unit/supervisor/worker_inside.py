"""A worker's server inside the process of a test, with a small app, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.supervisor import worker
from flowgate.supervisor.protocol import encode

if TYPE_CHECKING:
    from starlette.types import ASGIApp


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, folder: Path) -> AsyncIterator[int]:
    """Serve an app as a worker does; yield the public port.

    Args:
        app: The app.
        folder: Where the control socket is.
    """
    control = socket.socket(socket.AF_UNIX)
    control.bind(str(folder / "control"))
    control.listen()
    private, public = (socket.create_server(("127.0.0.1", 0), backlog=200) for _ in range(2))
    port = public.getsockname()[1]
    task = asyncio.create_task(worker._serve(app, control, private, public))
    reader, writer = await asyncio.open_unix_connection(str(folder / "control"))
    await _event(reader, b'"ready"')
    writer.write(encode({"do": "open"}))
    await _event(reader, b'"opened"')
    try:
        yield port
    finally:
        writer.write(encode({"do": "cut"}))
        await task
        writer.close()
        for one in (control, private, public):
            one.close()


async def _event(reader: asyncio.StreamReader, name: bytes) -> None:
    while name not in await reader.readline():
        pass

"""Serve an ASGI app behind two doors; obey `open`, `drain` and `leave`; outlive the keeper.

Started by the keeper as `… --fds CONTROL,DOOR,PUBLIC --app MODULE:ATTRIBUTE`, or forked by the nursery. The
three sockets are bound and listening already: CONTROL (Unix) is where keepers connect, DOOR (private, loopback) serves
as soon as the app is ready, PUBLIC is lent and is accepted on only after `open`.

Says: `ready`, `failed` (with the app's own words), `opened`, `draining`, each one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import gc
import importlib
import logging
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from flowgate.supervisor.worker_server import App

FAREWELL_SECONDS = 0.05


def serve(app: str, control: socket.socket, door: socket.socket, public: socket.socket) -> int:
    """Import the app and serve it until it is told to leave.

    Args:
        app: "module:attribute" of an ASGI app.

    Returns:
        The exit code: 0 after an orderly leave, 3 when the app would not start.
    """
    began = time.monotonic()
    module, _, attribute = app.partition(":")
    gc.disable()  # the import makes garbage of nothing; collecting during it costs about a tenth of the start
    loaded = getattr(importlib.import_module(module), attribute)
    gc.enable()
    gc.freeze()
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    print(f"flowgate: imported {module} in {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)  # noqa: T201
    return asyncio.run(_serve(loaded, control, door, public))


async def _serve(app: App, control: socket.socket, door: socket.socket, public: socket.socket) -> int:
    import uvicorn

    from flowgate.supervisor.worker_server import Gate, WorkerServer

    gate = Gate(app)
    config = uvicorn.Config(gate, access_log=False, timeout_graceful_shutdown=8, log_level="info", lifespan="on")
    doors = WorkerServer(config, gate, control, public)
    try:
        await doors.serve(sockets=[door])
    except SystemExit:  # uvicorn's way of saying that the app's start failed
        doors.state = "failed"
        doors.say({"event": "failed", "reason": gate.reason})
        await asyncio.sleep(FAREWELL_SECONDS)  # a keeper that is just connecting hears it too
        return 3
    return 0


def main(argv: list[str] | None = None) -> int:
    """Serve as the keeper's child; see the module."""
    parser = argparse.ArgumentParser(prog="flowgate.supervisor.worker")
    parser.add_argument("--fds", default="", help="file descriptors: control, door, public")
    parser.add_argument("--app", default="", help="module:attribute of an ASGI app")
    parser.add_argument("--fork-server", type=int, metavar="FD", help="serve nothing: fork generations on request")
    given = parser.parse_args(argv)
    if given.fork_server is not None:
        from flowgate.supervisor import fork_server

        born = fork_server.tend(socket.socket(fileno=given.fork_server))
        return born if isinstance(born, int) else serve(born.app, born.control, born.door, born.public)
    control, door, public = (socket.socket(fileno=int(number)) for number in given.fds.split(","))
    return serve(given.app, control, door, public)


def leave(code: int) -> NoReturn:
    """End at once: taking 7,000 modules apart takes half a second, and copies every page that a fork shares."""
    atexit._run_exitfuncs()  # an app says its last words here
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())

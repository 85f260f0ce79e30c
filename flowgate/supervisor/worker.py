"""The worker process: it serves an ASGI app on two listeners and survives its supervisor.

Started by the supervisor as `… --fds CONTROL,PRIVATE,PUBLIC --app MODULE:ATTRIBUTE`, or forked by a fork server. The
three sockets are bound and listening already. CONTROL is a Unix socket to which supervisors connect. PRIVATE is a
loopback listener that serves as soon as the app is ready. PUBLIC is shared with other workers; this one accepts on it
only after the command `open`.

It reports the events `ready`, `failed` (with the app's error), `opened` and `draining`, each as one JSON line.
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

from flowgate.supervisor.protocol import GENERATION_VARIABLE
from flowgate.system import open_files

if TYPE_CHECKING:
    from starlette.types import ASGIApp

LAST_EVENT_SECONDS = 0.05


def serve(app: str, control: socket.socket, private: socket.socket, public: socket.socket) -> int:
    """Import the app and serve it until the supervisor ends this worker.

    Args:
        app: "module:attribute" of an ASGI app.
        control: Listening Unix socket for supervisors.
        private: Listener that only this generation uses.
        public: Listener that is shared between generations.

    Returns:
        The exit code: 0 after an orderly exit, 3 when the app did not start.
    """
    from flowgate.supervisor import worker_loop

    began = time.monotonic()
    module, _, attribute = app.partition(":")
    gc.disable()  # the import creates almost no garbage; collecting during it costs about a tenth of the start
    loaded = getattr(importlib.import_module(module), attribute)
    gc.enable()
    gc.freeze()
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    print(f"flowgate: imported {module} in {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)  # noqa: T201
    return worker_loop.run(_serve(loaded, control, private, public))


async def _serve(app: ASGIApp, control: socket.socket, private: socket.socket, public: socket.socket) -> int:
    import uvicorn

    from flowgate.request_filter.filter import RequestFilter
    from flowgate.request_filter.rules import FilterRules
    from flowgate.supervisor import shared_folder
    from flowgate.supervisor.connections import KEEP_ALIVE_SECONDS
    from flowgate.supervisor.worker_server import WorkerServer

    shared = shared_folder.open_shared()
    rules = FilterRules(os.environ.get(GENERATION_VARIABLE, "0"), public.getsockname()[1])
    counts = (shared.quotas, shared.places) if shared else (None, None)
    request_filter = RequestFilter(app, rules, *counts)
    config = uvicorn.Config(
        request_filter,
        access_log=False,
        backlog=64,  # of the private listener; asyncio tries as often, with a log line each, when no file is left
        timeout_keep_alive=int(KEEP_ALIVE_SECONDS),
        timeout_graceful_shutdown=8,
        log_level="info",
        lifespan="on",
    )
    server = WorkerServer(config, request_filter, control, public, shared.board if shared else None)
    try:
        await server.serve(sockets=[private])
    except SystemExit:  # uvicorn exits when the app's startup failed
        server.state = "failed"
        server.report({"event": "failed", "reason": request_filter.startup_error})
        await asyncio.sleep(LAST_EVENT_SECONDS)  # a supervisor that is just connecting receives it too
        return 3
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run a worker or a fork server; see the module."""
    parser = argparse.ArgumentParser(prog="flowgate.supervisor.worker")
    parser.add_argument("--fds", default="", help="file descriptors: control, private, public")
    parser.add_argument("--app", default="", help="module:attribute of an ASGI app")
    parser.add_argument("--fork-server", type=int, metavar="FD", help="serve nothing: fork workers on request")
    given = parser.parse_args(argv)
    open_files.raise_limit()
    if given.fork_server is not None:
        from flowgate.supervisor import fork_server

        worker = fork_server.run(socket.socket(fileno=given.fork_server))
        return worker if isinstance(worker, int) else serve(worker.app, worker.control, worker.private, worker.public)
    control, private, public = (socket.socket(fileno=int(number)) for number in given.fds.split(","))
    return serve(given.app, control, private, public)


def leave(code: int) -> NoReturn:
    """Exit without tearing down modules: that takes half a second for 7,000 modules, and copies every shared page."""
    atexit._run_exitfuncs()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())

"""Import in a fork server what an app imports only for its first requests, so that workers need not do it.

Which modules these are is found out once: a throw-away process sends the app a few requests. The app is called without
a socket; its upstream is a fake one that the same process serves on loopback, so no request leaves the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import json
import os
import select
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.domain import WarmUp
from flowgate.errors import FlowGateError
from flowgate.supervisor import deferred_models
from flowgate.supervisor.program_tree import ForkServerSpec, warmup_from_tree
from flowgate.system import files, subreaper

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message

EXTRA_SECONDS = 5.0  # beyond the warm-up's own time limit; a process that takes longer is stuck
UNKNOWN_PATH = "/a-path-that-no-route-has"
UPSTREAM = "{upstream}"  # stands for the address of the fake upstream in the document


def warm_up(spec: ForkServerSpec) -> None:
    """Import the modules and build the routes that first requests need.

    Args:
        spec: Settings of the fork server. The module names are read from its `module_cache`, or found out and written
            there.
    """
    app = _load(spec["app"])
    modules = _read_cache(spec)
    recorder = None if modules is not None else _start_recorder(spec)
    _build_routes(app)
    if recorder is not None and spec["warmup"]:
        modules, complete = _read_recorder(*recorder, spec["warmup"]["seconds"] + EXTRA_SECONDS)
        if complete:
            _write_cache(spec, modules)
    names, models = deferred_models.split(modules or ())
    for name in names:
        with contextlib.suppress(Exception):  # some modules can only be imported by the one that imported them first
            importlib.import_module(name)
    deferred_models.build(models)


def _load(app: str) -> ASGIApp:
    module, _, attribute = app.partition(":")
    loaded: ASGIApp = getattr(importlib.import_module(module), attribute)
    return loaded


def _build_routes(app: ASGIApp) -> None:
    """Match every route against an unknown path: frameworks build routes at the first match.

    Source: FastAPI 0.165 builds what `include_router` added at the first match; that takes 0.8 s for 600 routes.
    """
    scope = {"type": "http", "method": "GET", "path": UNKNOWN_PATH, "root_path": "", "headers": [], "query_string": b""}
    for route in getattr(app, "routes", ()):
        with contextlib.suppress(Exception):
            route.matches({**scope, "app": app})


# --- which modules


def _cache_key(spec: ForkServerSpec) -> str:
    parts = [spec["environment"], spec["app"], list(spec["imports"]), spec["warmup"], "models"]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _read_cache(spec: ForkServerSpec) -> list[str] | None:
    """Return what an earlier fork server of the same environment recorded."""
    with contextlib.suppress(FlowGateError, ValueError, AttributeError):
        names = json.loads(files.read_text_or_none(Path(spec["module_cache"])) or "").get(_cache_key(spec))
        return names if isinstance(names, list) else None
    return None


def _write_cache(spec: ForkServerSpec, names: list[str]) -> None:
    """Write the module names; in a read-only environment they are recorded again next time."""
    with contextlib.suppress(FlowGateError):
        if spec["module_cache"]:
            files.write_atomic(Path(spec["module_cache"]), json.dumps({_cache_key(spec): names}))


def _start_recorder(spec: ForkServerSpec) -> tuple[int, int] | None:
    """Fork a process that sends the requests and records the imports.

    Returns:
        Its pid and the pipe for its result; None when nothing can be forked.
    """
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        return None
    if pid == 0:
        subreaper.die_with_parent()
        result = record_imports(spec["app"], warmup_from_tree(spec["warmup"]), Path.cwd()) if spec["warmup"] else ()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    return pid, reading


def _read_recorder(pid: int, pipe: int, seconds: float) -> tuple[list[str], bool]:
    """Wait for the module names; return them and whether all requests were sent."""
    result = b""
    with os.fdopen(pipe, "rb") as reading:
        if select.select([reading], [], [], seconds)[0]:
            result = reading.read()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    names, complete = json.loads(result) if result else ([], False)
    return names, complete


def record_imports(app: str, warmup: WarmUp, folder: Path) -> tuple[list[str], bool]:
    """Start an app and send it all requests.

    Args:
        app: "module:attribute" of an ASGI app.
        warmup: The requests, and what the fake upstream returns.
        folder: Where the app's config file may be written.

    Returns:
        The names of the modules imported meanwhile, in order, and of the models built; whether all requests were sent.
    """
    before = set(sys.modules)
    os.environ.update(warmup.env)
    complete = False
    with contextlib.suppress(Exception):  # an app that fails has still imported what it needed until then
        asyncio.run(asyncio.wait_for(_send_all(_load(app), warmup, folder), warmup.seconds))
        complete = True
    imported = [name for name in list(sys.modules) if name not in before]
    return [*imported, *deferred_models.built()], complete


# --- the requests


async def _send_all(app: ASGIApp, warmup: WarmUp, folder: Path) -> None:
    path = folder / f"warmup-{os.getpid()}.yaml"
    async with _fake_upstream(warmup) as address:
        files.write_atomic(path, warmup.document.replace(UPSTREAM, address))
        os.environ[warmup.variable] = str(path)
        try:
            async with _lifespan(app):
                for method, target, body in warmup.requests:
                    with contextlib.suppress(Exception):
                        await _send(app, warmup, method, target, body)
        finally:
            path.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _lifespan(app: ASGIApp) -> AsyncIterator[None]:
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    outgoing: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    task = asyncio.ensure_future(_call(app, scope, incoming, outgoing))
    await incoming.put({"type": "lifespan.startup"})
    await outgoing.get()
    try:
        yield
    finally:
        task.cancel()


async def _call(
    app: ASGIApp, scope: Message, incoming: asyncio.Queue[Message], outgoing: asyncio.Queue[Message]
) -> None:
    await app(scope, incoming.get, outgoing.put)


async def _send(app: ASGIApp, warmup: WarmUp, method: str, target: str, body: str) -> None:
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    await incoming.put({"type": "http.request", "body": body.encode(), "more_body": False})
    over = asyncio.Event()

    async def receive_response(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            over.set()

    headers = {"content-type": "application/json", "content-length": str(len(body)), **warmup.headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": target,
        "raw_path": target.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
        "state": {},
    }
    await app(scope, incoming.get, receive_response)
    await over.wait()


# --- the fake upstream


@contextlib.asynccontextmanager
async def _fake_upstream(warmup: WarmUp) -> AsyncIterator[str]:
    """Serve the upstream's responses; give its address."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
            length = next((line.split(":")[1] for line in head.lower().split("\r\n") if "content-length:" in line), "0")
            body = await reader.readexactly(int(length))
            writer.write(_response(warmup, head.split(" ")[1], body))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()


def _response(warmup: WarmUp, target: str, body: bytes) -> bytes:
    streams = bool(body) and bool(json.loads(body).get("stream"))
    kind, text = warmup.responses.get(target + (" stream" if streams else ""), ("application/json", "{}"))
    payload = text.encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(payload)}\r\nconnection: close\r\n\r\n"
    return head.encode() + payload

"""Do once what first answers would do: import what they import, build what they build.

What that is, is learnt by asking the app a few questions in a process that is thrown away.

The app is called without a socket of its own; the upstream it asks is a stand-in that this process serves itself, on
loopback, so nothing is sent to anybody.
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
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from flowgate.domain import WarmUp
from flowgate.errors import FlowGateError
from flowgate.supervisor.protocol import to_warmup
from flowgate.system import files, subreaper

SCOUT_SECONDS = 5.0  # beyond the rehearsal's own: a scout that takes longer is stuck
NOWHERE = "/a-path-that-no-route-has"
UPSTREAM = "{upstream}"  # stands for the stand-in's address in the document

Tree = Mapping[str, Any]


def warm_up(spec: Tree) -> None:
    """Do in this process, once, what a first answer would do: import modules, build routes.

    Args:
        spec: The nursery's, with `app`; what was learnt is read from its file, or learnt now and written there.
    """
    app = _load(spec["app"])
    known = _recall(spec)
    scout = None if known is not None else _send_scout(spec)
    _build_routes(app)
    if scout is not None:
        known, whole = _hear_scout(*scout, spec["warmup"]["seconds"] + SCOUT_SECONDS)
        if whole:
            _note(spec, known)
    for name in known or ():
        with contextlib.suppress(Exception):  # some can only be imported where their first importer stood
            importlib.import_module(name)


def _load(app: str) -> Any:
    module, _, attribute = app.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _build_routes(app: Any) -> None:
    """Let every route look at a question that is none of its: frameworks build them at their first question.

    Source: FastAPI 0.165 builds what `include_router` brought at the first match; for 600 routes that takes 0.8 s
    """
    scope = {"type": "http", "method": "GET", "path": NOWHERE, "root_path": "", "headers": [], "query_string": b""}
    for route in getattr(app, "routes", ()):
        with contextlib.suppress(Exception):
            route.matches({**scope, "app": app})


def _fingerprint(spec: Tree) -> str:
    known = [spec["environment"], spec["app"], list(spec["imports"]), spec["warmup"]]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def _recall(spec: Tree) -> list[str] | None:
    """Give what an earlier nursery of the same environment has learnt."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        names = json.loads(Path(spec["module_cache"]).read_text()).get(_fingerprint(spec))
        return names if isinstance(names, list) else None
    return None


def _note(spec: Tree, names: list[str]) -> None:
    """Write down what was learnt; in an environment that cannot be written it is learnt again next time."""
    with contextlib.suppress(FlowGateError):
        if spec["module_cache"]:
            files.write_atomic(Path(spec["module_cache"]), json.dumps({_fingerprint(spec): names}))


def _send_scout(spec: Tree) -> tuple[int, int] | None:
    """Fork a process that rehearses.

    Returns:
        Its pid, and where it will write the names it has learnt; None when nothing can be forked.
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
        told = rehearse(spec["app"], to_warmup(spec["warmup"]), Path.cwd())
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(told).encode())
        os._exit(0)
    os.close(writing)
    return pid, reading


def _hear_scout(pid: int, pipe: int, seconds: float) -> tuple[list[str], bool]:
    """Wait for a scout's word.

    Returns:
        The names it has learnt, and whether its rehearsal came to its end.
    """
    told = b""
    with os.fdopen(pipe, "rb") as reading:
        if select.select([reading], [], [], seconds)[0]:
            told = reading.read()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    names, whole = json.loads(told) if told else ([], False)
    return names, whole


def rehearse(app: str, play: WarmUp, folder: Path) -> tuple[list[str], bool]:
    """Start an app and ask it everything.

    Args:
        app: "module:attribute" of an ASGI app.
        folder: Where its document may lie.

    Returns:
        The names of the modules that were imported meanwhile, in order, and whether it was asked everything.
    """
    before = set(sys.modules)
    os.environ.update(play.env)
    whole = False
    with contextlib.suppress(Exception):  # an app that refuses has still imported what it needed for that
        asyncio.run(asyncio.wait_for(_rehearse(_load(app), play, folder), play.seconds))
        whole = True
    return [name for name in list(sys.modules) if name not in before], whole


async def _rehearse(app: Any, play: WarmUp, folder: Path) -> None:
    path = folder / f"rehearsal-{os.getpid()}.yaml"
    async with _stand_in(play) as address:
        path.write_text(play.document.replace(UPSTREAM, address))
        os.environ[play.variable] = str(path)
        try:
            async with _alive(app):
                for method, target, body in play.requests:
                    with contextlib.suppress(Exception):
                        await _ask(app, play, method, target, body)
        finally:
            path.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _alive(app: Any) -> AsyncIterator[None]:
    """Run an app's lifespan around the questions."""
    told: asyncio.Queue[Tree] = asyncio.Queue()
    said: asyncio.Queue[Tree] = asyncio.Queue()
    life = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    await said.get()
    try:
        yield
    finally:
        life.cancel()


async def _ask(app: Any, play: WarmUp, method: str, target: str, body: str) -> None:
    sent: asyncio.Queue[Tree] = asyncio.Queue()
    await sent.put({"type": "http.request", "body": body.encode(), "more_body": False})
    over = asyncio.Event()

    async def hear(message: Tree) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            over.set()

    headers = {"content-type": "application/json", "content-length": str(len(body)), **play.headers}
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
    await app(scope, sent.get, hear)
    await over.wait()


@contextlib.asynccontextmanager
async def _stand_in(play: WarmUp) -> AsyncIterator[str]:
    """Serve the upstream's answers; give its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
            length = next((line.split(":")[1] for line in head.lower().split("\r\n") if "content-length:" in line), "0")
            body = await reader.readexactly(int(length))
            writer.write(_reply(play, head.split(" ")[1], body))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()


def _reply(play: WarmUp, target: str, body: bytes) -> bytes:
    streams = bool(body) and bool(json.loads(body).get("stream"))
    kind, text = play.responses.get(target + (" stream" if streams else ""), ("application/json", "{}"))
    payload = text.encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(payload)}\r\nconnection: close\r\n\r\n"
    return head.encode() + payload

"""The vendors of a deployed rehearsal: `python -m flowgate.embedded_upstream.stand_ins`.

A gateway whose models lead here can be rehearsed where it runs (`rehearse --against`). It answers every model, without
an account, on two ports; the second one can refuse connections. On a third port, the machine that rehearses sets faults
and reads what arrived; that port needs a key, which is read from REHEARSAL_KEY or a file.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import os
import re
import signal
import socket
import sys
from collections.abc import Generator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from flowgate.embedded_upstream.completions import FORMATS, GEMINI, CompletionRequest
from flowgate.embedded_upstream.embeddings import embeddings
from flowgate.embedded_upstream.refusing_port import RefusingPort
from flowgate.embedded_upstream.responses import body_of, failed, reply
from flowgate.embedded_upstream.stand_in_control import Overlay, StandInControl, StandIns
from flowgate.embedded_upstream.startup_checks import StartupError, listen

KEY = "REHEARSAL_KEY"
SHORTEST_KEY = 16
STOP_SECONDS = 5
DIGITS = re.compile(r"[0-9]{1,5}")


def main(words: list[str]) -> int:
    """Run the program until a signal arrives.

    Args:
        words: The command line without the program.

    Returns:
        The exit code: 2 if something is written wrong, 3 if a port cannot be used.
    """
    parsed = _parse(words)
    addresses = (parsed.vendors, parsed.refusing, parsed.control)
    try:
        key = _key(parsed.key_file)
        counts = _scale(parsed.time_scale), _count(parsed.gateways)
        overlay = Overlay(parsed.marker, parsed.profile, *counts, parsed.shared_redis)
        places = [_address(one) for one in addresses]
    except ValueError as error:
        return _fail(str(error), 2)
    listeners: list[socket.socket] = []
    try:
        for host, port in places:
            listeners.append(listen(host, port))
    except StartupError as error:
        for one in listeners:
            one.close()
        return _fail(str(error), 3)
    sys.stdout.write(f"stand-ins for {overlay.profile}: {', '.join(addresses)}\n")
    sys.stdout.flush()
    asyncio.run(serve(overlay, listeners, key))
    return 0


def _parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stand_ins", description=__doc__, allow_abbrev=False)
    parser.add_argument("--vendors", required=True, help="HOST:PORT on which models answer")
    parser.add_argument("--refusing", required=True, help="HOST:PORT of the same, which can refuse connections")
    parser.add_argument("--control", required=True, help="HOST:PORT by which the stand-ins are driven")
    parser.add_argument("--key-file", default="", help=f"file with the key of the control port; default: ${KEY}")
    parser.add_argument("--marker", required=True, help="model that only a rehearsal's gateway has")
    parser.add_argument("--profile", required=True, help="profile of the gateway")
    parser.add_argument("--time-scale", default="1", help="factor by which LiteLLM's times were multiplied")
    parser.add_argument("--gateways", default="1", help="number of gateways")
    parser.add_argument("--shared-redis", action="store_true", help="they share a Redis server of their own")
    return parser.parse_args(words)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not DIGITS.fullmatch(port) or int(port) > 65_535:
        raise ValueError(f"an address must be HOST:PORT, not {text!r}")
    return host, int(port)


def _scale(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (found := float(text)) < math.inf:
            return found
    raise ValueError(f"--time-scale must be a number above 0, not {text!r}")


def _count(text: str) -> int:
    if not DIGITS.fullmatch(text) or int(text) == 0:
        raise ValueError(f"--gateways must be a whole number from 1, not {text!r}")
    return int(text)


def _key(file: str) -> str:
    try:
        key = Path(file).read_text(encoding="utf-8").strip() if file else os.environ.get(KEY, "")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    if len(key) < SHORTEST_KEY or not (key.isascii() and key.isprintable()):
        raise ValueError(f"the key of the control port ({file or KEY}) must have {SHORTEST_KEY} characters or more")
    return key


def _fail(text: str, code: int) -> int:
    sys.stderr.write(f"error: {text}\n")
    return code


class _Server(uvicorn.Server):
    """A server that ends the waits of hanging responses before it stops."""

    def __init__(self, config: uvicorn.Config, vendors: StandIns) -> None:
        super().__init__(config)
        self._vendors = vendors

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True
        self._vendors.stopping.set()


async def serve(overlay: Overlay, listeners: list[socket.socket], key: str) -> None:
    """Serve until a signal arrives.

    Args:
        overlay: What the stand-ins know of the gateway.
        listeners: The bound sockets: of the vendors, of the port that can refuse, and of the control port.
        key: The key of the control port.
    """
    vendors_at, refusing_at, control_at = listeners
    vendors = StandIns(overlay.marker)
    host, port = vendors_at.getsockname()[:2]
    refusing = RefusingPort(("127.0.0.1" if host == "0.0.0.0" else host, port))  # noqa: S104 - compared, not bound
    control = StandInControl(overlay, vendors, refusing, key)
    app = by_port(control_at.getsockname()[1], control.app, vendors_app(vendors))
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        log_level="critical",  # an incomplete response is what a fault asks for
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    relay = await refusing.serve(refusing_at)
    try:
        await _Server(config, vendors).serve(sockets=[vendors_at, control_at])
    finally:
        relay.close()


def by_port(control_port: int, control: ASGIApp, vendors: ASGIApp) -> ASGIApp:
    """Return an application that separates the two ports.

    Args:
        control_port: The port of the control application.
        control: Answers there.
        vendors: Answers on all other ports.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        chosen = control if scope["server"][1] == control_port else vendors
        await chosen(scope, receive, send)

    return app


def vendors_app(vendors: StandIns) -> Starlette:
    """Return the application that answers as all vendors.

    Args:
        vendors: The vendors.
    """

    async def complete(request: Request) -> Response:
        return vendors.respond(CompletionRequest(request.url.path, await body_of(request) or {}))

    async def embed(request: Request) -> Response:
        return reply(embeddings(await body_of(request) or {}))

    async def ready(request: Request) -> Response:
        return reply({"status": "ok"})

    async def missing(request: Request, error: Exception) -> Response:
        return failed("the stand-ins have no such route", 404)

    routes = [Route(path, complete, methods=["POST"]) for path in FORMATS if path != GEMINI]
    routes += [Route("/v1/embeddings", embed, methods=["POST"]), Route("/", ready, methods=["GET"])]
    return Starlette(routes=routes, exception_handlers={404: missing, 405: missing})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

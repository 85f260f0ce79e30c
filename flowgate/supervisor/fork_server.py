"""The fork server process: it imports an app once, then forks workers on request.

Started by the supervisor as `… --fork-server CHANNEL`. The first line on the channel says what to import. Each later
line `{"do": "fork"}` comes with five descriptors: control, private and public listener, log, and a socket for the
worker's settings. The worker is a child of the supervisor, so workers do not notice the end of the fork server. It was
forked some time before (see `spare_worker`): `spares` says how many to have ready for the next requests. A worker reads
its settings, keys included, from its own socket: they never pass through this process.

Events: `ready`; `refused` (forking is unsafe here), then it exits; `forked` (pid) or `fork_failed` after a request.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypedDict, cast

from flowgate.supervisor import spare_worker
from flowgate.supervisor.program_tree import ForkServerSpec
from flowgate.supervisor.protocol import CHUNK_BYTES, Lines, WorkerCommand, WorkerEvent, encode
from flowgate.supervisor.spare_worker import SpareWorker
from flowgate.supervisor.warmup import warm_up
from flowgate.system import subreaper

DESCRIPTORS = 5
SPARE_SECONDS = 1.0  # without a request: then the next ones are forked, and take no time from the last one's start
MOST_SPARES = 8
SETTINGS_SECONDS = 10.0  # how long a worker waits for its settings


class WorkerSettings(TypedDict):
    """What a forked worker is to become."""

    app: str
    env: dict[str, str]
    cwd: str


@dataclass(frozen=True, slots=True)
class ForkedWorker:
    """What a forked worker has received.

    Attributes:
        app: "module:attribute" of the ASGI app it serves.
    """

    app: str
    control: socket.socket
    private: socket.socket
    public: socket.socket


def run(channel: socket.socket) -> ForkedWorker | int:
    """Import, then fork on request until the supervisor has gone.

    Returns:
        The exit code; in a forked worker, what it has received.
    """
    subreaper.die_with_parent()
    lines = Lines[WorkerCommand]()
    first = _receive(channel, lines)
    if first is None:
        return 0
    began, before = time.monotonic(), dict(os.environ)
    obstacle = _prepare(cast("ForkServerSpec", first[0][0]))
    if obstacle:
        channel.sendall(encode({"event": "refused", "reason": obstacle}))
        return 3
    # Variables that the imports have set: a process that imports for itself has them, so a forked one must too.
    added = {name: value for name, value in os.environ.items() if before.get(name) != value}
    channel.sendall(encode({"event": "ready", "seconds": round(time.monotonic() - began, 3)}))
    try:
        _fork_on_request(channel, lines)
    except spare_worker.Begins as begins:  # in the worker
        return _become_worker(begins.descriptors, added)
    return 0


def _fork_on_request(channel: socket.socket, lines: Lines[WorkerCommand]) -> None:
    """Fork workers until the supervisor has gone; raise `spare_worker.Begins` in each of them."""
    sys.stdout.flush()  # what the imports have printed would be printed again by each worker
    sys.stderr.flush()
    spares, wanted, patience = list[SpareWorker](), 1, SPARE_SECONDS
    while True:
        if len(spares) < wanted and not select.select([channel], [], [], patience)[0]:
            fresh = spare_worker.fork(_connections(channel, spares))
            spares += [fresh] if fresh else []
            patience = 0.0 if fresh else SPARE_SECONDS
            continue
        received = _receive(channel, lines)
        if received is None:
            return
        for command, descriptors in received:
            if command.get("do") == "fork":
                wanted, patience = min(MOST_SPARES, max(1, command.get("spares", 1))), SPARE_SECONDS
                _fork_one(channel, spares, descriptors)


def _fork_one(channel: socket.socket, spares: list[SpareWorker], descriptors: list[int]) -> None:
    """Let a spare worker become a worker, or fork one; tell the supervisor its pid."""
    pid = 0
    while spares and not pid:
        pid = spares.pop(0).begin(descriptors)
    if not pid and (fresh := spare_worker.fork(_connections(channel, spares), descriptors)):
        pid = fresh.begin(descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    event: WorkerEvent = {"event": "forked", "pid": pid} if pid else {"event": "fork_failed", "reason": "fork"}
    channel.sendall(encode(event))


def _connections(channel: socket.socket, spares: list[SpareWorker]) -> list[socket.socket]:
    return [channel, *(one.channel for one in spares)]


def _prepare(spec: ForkServerSpec) -> str:
    """Import the modules and run the warm-up; return why nothing may be forked, empty when forking is safe."""
    gc.disable()  # the imports create almost no garbage, and what is collected before a fork would be copied after it
    for name in spec["imports"]:
        importlib.import_module(name)
    obstacle = _check_guard(spec["fork_guard"]) or _check_threads()
    if spec["warmup"] and not obstacle:
        warm_up(spec)
        obstacle = _check_threads()
    if not obstacle:
        gc.freeze()
    return obstacle


def _receive(channel: socket.socket, lines: Lines[WorkerCommand]) -> list[tuple[WorkerCommand, list[int]]] | None:
    """Wait for messages, each with the descriptors that came with it; None when the supervisor has gone."""
    while True:
        try:
            data, descriptors, _, _ = socket.recv_fds(channel, 65536, DESCRIPTORS)
        except ConnectionResetError:
            return None
        if not data:
            return None
        messages = lines.feed(data)
        if messages:
            return [(message, descriptors if number == 0 else []) for number, message in enumerate(messages)]


def _check_guard(fork_guard: str) -> str:
    """Call the app's own check; return why it objects, empty when it does not."""
    module, _, name = fork_guard.partition(":")
    if module:
        guard: Callable[[str], object] = getattr(importlib.import_module(module), name)
        try:
            guard("the fork server")
        except RuntimeError as error:
            return str(error)
    return ""


def _check_threads() -> str:
    """Return how many threads run when there are several: only this one would survive a fork."""
    count = subreaper.count_threads()
    return f"{count} threads run after the imports, and only one would survive a fork" if count != 1 else ""


def _become_worker(descriptors: list[int], added: Mapping[str, str]) -> ForkedWorker:
    """Set up this forked process as a worker; exit when no settings arrive."""
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    control, private, public, log, settings_socket = descriptors
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    settings = _receive_settings(settings_socket)
    os.environ.clear()
    os.environ.update({**settings["env"], **added})
    if hasattr(time, "tzset"):
        time.tzset()
    os.chdir(settings["cwd"])
    sockets = (socket.socket(fileno=one) for one in (control, private, public))
    return ForkedWorker(settings["app"], *sockets)


def _receive_settings(descriptor: int) -> WorkerSettings:
    received = b""
    with socket.socket(fileno=descriptor) as line:
        line.settimeout(SETTINGS_SECONDS)
        while not received.endswith(b"\n"):
            data = line.recv(CHUNK_BYTES)
            if not data:
                os._exit(0)
            received += data
    return cast("WorkerSettings", json.loads(received))

"""Import an app once, then fork generations of it on request.

Started by the keeper as `… --fork-server CHANNEL`. The channel's first line says what to import; from then on each line
`{"do": "fork"}` comes with five descriptors: control, door and public socket, log, and a cord. The newborn is handed
to the keeper (its forking parent ends at once, and the keeper adopts orphans), so the nursery's own end is noticed by
no generation. Who it is to be, keys included, the newborn reads from its cord: they never pass through here.

Says: `ready`; `refused` (why nothing may be forked here), then it leaves; `born` (pid) or `stillborn` after a request.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flowgate.supervisor.protocol import Lines, Message, encode
from flowgate.supervisor.warmup import warm_up
from flowgate.system import subreaper

DESCRIPTORS = 5
LETTER_SECONDS = 10.0  # how long a newborn waits for its cord


@dataclass(frozen=True, slots=True)
class Born:
    """What a newborn process has been given.

    Attributes:
        app: "module:attribute" of the ASGI app it serves.
    """

    app: str
    control: socket.socket
    door: socket.socket
    public: socket.socket


def tend(channel: socket.socket) -> Born | int:
    """Import, then fork on request until the keeper has gone.

    Returns:
        The exit code; in a forked child, what it has been given.
    """
    subreaper.die_with_parent()
    lines = Lines()
    orders = _receive(channel, lines)
    if orders is None:
        return 0
    spec = orders[0][0]
    began = time.monotonic()
    before = dict(os.environ)
    gc.disable()  # the imports make garbage of nothing, and what is collected before a fork would be copied after it
    for name in spec["imports"]:
        importlib.import_module(name)
    obstacle = _guard(str(spec.get("fork_guard") or "")) or _threads()
    if spec.get("warmup") and not obstacle:
        warm_up(spec)
        obstacle = _threads()
    if obstacle:
        channel.sendall(encode({"event": "refused", "reason": obstacle}))
        return 3
    gc.freeze()
    # What the imports have set themselves: a process that imports them anew would have it, so a forked one must too.
    made = {name: value for name, value in os.environ.items() if before.get(name) != value}
    channel.sendall(encode({"event": "ready", "seconds": round(time.monotonic() - began, 3)}))
    while True:
        asked = _receive(channel, lines)
        if asked is None:
            return 0
        for message, descriptors in asked:
            if message.get("do") == "fork":
                born = _fork(channel, descriptors, made)
                if born is not None:
                    return born


def _receive(channel: socket.socket, lines: Lines) -> list[tuple[Message, list[int]]] | None:
    """Wait for messages, each with the descriptors that came along; None when the keeper has gone."""
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


def _guard(fork_guard: str) -> str:
    """Ask the app's own guard; give why it objects, "" when it does not."""
    module, _, name = fork_guard.partition(":")
    if module:
        guard: Callable[[str], object] = getattr(importlib.import_module(module), name)
        try:
            guard("the nursery")
        except RuntimeError as error:
            return str(error)
    return ""


def _threads() -> str:
    """Say that other threads run, if they do: only this one would survive a fork."""
    count = subreaper.count_threads()
    return f"{count} threads run after the imports, and only one would survive a fork" if count != 1 else ""


def _fork(channel: socket.socket, descriptors: list[int], made: Mapping[str, str]) -> Born | None:
    """Fork a grandchild.

    Args:
        made: Variables that the imports have set.

    Returns:
        In the grandchild, what it has been given; in the nursery None, after the keeper was told.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        middle = os.fork()
    except OSError as fault:
        channel.sendall(encode({"event": "stillborn", "reason": f"fork: {fault.strerror}"}))
        middle = -1
    if middle == 0:
        with contextlib.suppress(OSError):
            newborn = os.fork()
            if newborn == 0:
                os.close(reading)
                os.close(writing)
                channel.close()
                return _wake_up(descriptors, made)
            os.write(writing, str(newborn).encode())
        os._exit(0)
    os.close(writing)
    for descriptor in descriptors:
        os.close(descriptor)
    with os.fdopen(reading, "rb") as pipe:
        pid = pipe.read()
    if middle > 0:
        os.waitpid(middle, 0)  # from here on the grandchild is the keeper's
        channel.sendall(encode({"event": "born", "pid": int(pid)} if pid else {"event": "stillborn", "reason": "fork"}))
    return None


def _wake_up(descriptors: list[int], made: Mapping[str, str]) -> Born:
    """Become a process of one's own, and read from the cord who one is; without a word from there, end."""
    os.setsid()
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    control, door, public, log, cord = descriptors
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    lines = Lines()
    told: list[Message] = []
    with socket.socket(fileno=cord) as line:
        line.settimeout(LETTER_SECONDS)
        while not told:
            data = line.recv(262_144)
            if not data:
                os._exit(0)
            told = lines.feed(data)
    os.environ.clear()
    os.environ.update({**told[0]["env"], **made})
    if hasattr(time, "tzset"):
        time.tzset()
    os.chdir(told[0]["cwd"])
    sockets = (socket.socket(fileno=one) for one in (control, door, public))
    return Born(told[0]["app"], *sockets)

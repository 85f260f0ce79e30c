"""Take over what a killed keeper left running: generations go on serving, and are asked who they are.

An app's generation keeps its own program in memory (`remember`) and hands it back with the public socket it was lent
(`recall`), so no key ever reaches a disk. An ordinary program is asked nothing: the system knows its environment, and
its documents lie where they are.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowgate.domain import Program
from flowgate.errors import FlowGateError
from flowgate.supervisor import orphans
from flowgate.supervisor.protocol import Lines, Message, encode, from_tree
from flowgate.supervisor.service_state import Generation, Timer
from flowgate.supervisor.worker_process import Running, control_path
from flowgate.system import files, process_table, processes, sockets
from flowgate.system.processes import Identity

if TYPE_CHECKING:
    from flowgate.supervisor.supervisor import Supervisor

ASK_SECONDS = 3.0
PHASES = {"serving": "serving", "draining": "draining"}  # a candidate was nobody's yet: it is taken down


@dataclass(frozen=True, slots=True)
class Adopted:
    """A generation that goes on.

    Attributes:
        phase: Serving or draining.
        public: The public socket that it holds; None for an ordinary program, and for one that drains.
    """

    running: Running
    phase: str
    public: socket.socket | None


def adopt(folder: Path, now: float) -> list[Adopted]:
    """Find the generations that live, and take them over.

    Args:
        folder: `run/` of the runtime folder.

    Returns:
        The adopted ones, oldest first; what is not among them cannot be believed, and is to be taken down.
    """
    found = []
    for path, record in orphans.records(folder):
        try:
            adopted = _adopted(folder, path, record, now) if orphans.is_living(record) else None
        except (
            FlowGateError,
            OSError,
            KeyError,
            TypeError,
            ValueError,
        ):  # half-written, or it did not answer as ours do
            adopted = None
        if adopted is not None:
            found.append(adopted)
    return sorted(found, key=lambda one: one.running.number)


def _adopted(folder: Path, path: Path, record: dict[str, Any], now: float) -> Adopted | None:
    identity = Identity(int(record["pid"]), int(record["ticks"]))
    number, private_address = (
        int(record["number"]),
        (str(record["private_address"][0]), int(record["private_address"][1])),
    )
    if record["app"] is None:
        program = _ordinary(record, identity)
        if program is None or not sockets.is_owned_by(*private_address, {one.pid for one in processes.tree(identity)}):
            return None
        return Adopted(Running(program, number, None, identity, now, private_address, path), "serving", None)
    control = sockets.connect_unix(control_path(folder, record["service"], number), ASK_SECONDS)
    told = _recall(control) if control is not None else None
    if control is None or told is None:
        return None
    message, public = told
    phase = PHASES.get(str(message.get("state")))
    if phase is None or not message.get("program") or (phase == "serving" and public is None):
        control.close()
        return None
    control.setblocking(False)
    program = from_tree(message["program"])
    return Adopted(Running(program, number, None, identity, now, private_address, path, control), phase, public)


def _recall(control: socket.socket) -> tuple[Message, socket.socket | None] | None:
    """Ask a generation what it remembers; it hands the public socket along."""
    control.settimeout(ASK_SECONDS)
    lines, handed = Lines(), None
    try:
        control.sendall(encode({"do": "recall"}))
        while True:
            data, descriptors, _, _ = socket.recv_fds(control, 262_144, 1)
            handed = socket.socket(fileno=descriptors[0]) if descriptors else handed
            if not data:
                break
            for message in lines.feed(data):
                if message.get("event") == "recalled":
                    return message, handed
    except (OSError, ValueError):
        pass
    control.close()
    return None


def _ordinary(record: dict[str, Any], identity: Identity) -> Program | None:
    """Put an ordinary program together from its record and from what the system knows of it."""
    known = process_table.environment(identity.pid)
    if known is None or not set(record["names"]) <= known.keys():
        return None
    texts = [[path, files.read_text_or_none(Path(path))] for path in record["paths"]]
    env = {name: known[name] for name in record["names"]}
    return from_tree({**record, "env": env, "documents": [[path, text] for path, text in texts if text is not None]})


def take_over(supervisor: Supervisor, adopted: list[Adopted]) -> None:
    """Give adopted generations their seats back; of two that serve, the newer one stays."""
    for one in adopted:
        running, program = one.running, one.running.program
        service, number = program.service, running.number
        supervisor.programs[service, number], supervisor.running[service, number] = program, running
        if one.public is not None:
            supervisor.keep_lent((program.host, program.port), one.public)
        state = supervisor.state(program)
        elder = state.serving() if one.phase == "serving" else None
        generations = (*state.generations, Generation(number, one.phase))
        served = number if one.phase == "serving" else state.served
        supervisor.states[service] = replace(
            state, generations=generations, numbered=number, wanted=True, served=served
        )
        supervisor.follow(service, running)
        running.say("let")  # whoever wanted its questions held went with the keeper that was killed
        if one.phase == "draining" or elder is not None:
            _let_drain(supervisor, service, elder.number if elder else number)
        supervisor.journal.say(f"{service} {number}: taken over, {one.phase}, process {running.identity.pid}")


def _let_drain(supervisor: Supervisor, service: str, number: int) -> None:
    """Let a generation end; how long it has drained already nobody knows."""
    state = supervisor.states[service]
    drained = tuple(replace(g, phase="draining") if g.number == number else g for g in state.generations)
    supervisor.states[service] = replace(state, generations=drained)
    supervisor.running[service, number].say("drain", seconds=state.drain_timeout)
    timer = Timer("drain", number)
    supervisor.loop.after(state.drain_timeout, lambda: supervisor.due(service, timer), about=(service, number))

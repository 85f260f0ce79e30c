"""JSON lines: what keeper, client and child say to each other, and how a program travels.

A connection is a private Unix socket; a message is one JSON object on one line. Secrets travel in clear, between
processes of one user, and never reach a disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowgate.domain import ForkServerSettings, Program, WarmUp

SOCKET_NAME = "supervisor.sock"  # in `run/` of the runtime folder
LOCK_NAME = "supervisor.lock"  # in the runtime folder; held by the keeper, and holds its pid
LONGEST_LINE = 8_000_000  # bytes; a longer one is not ours

Message = dict[str, Any]


def encode(message: Mapping[str, object]) -> bytes:
    """Write one message as a line."""
    return json.dumps(message, separators=(",", ":"), default=str).encode() + b"\n"


class Lines:
    """Cut a stream of bytes into messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Message]:
        """Give the messages that are complete with these bytes.

        Raises:
            ValueError: A line that is no JSON object, or one without an end.
        """
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise ValueError("a message without an end")
        messages = [json.loads(line) for line in whole if line.strip()]
        if not all(isinstance(message, dict) for message in messages):
            raise ValueError("a message that is no object")
        return messages


def to_tree(program: Program, *, secrets: bool) -> Message:
    """Write a program as a plain tree.

    Args:
        secrets: With the values of its environment, for the keeper's socket; without, for a file.
    """
    return {
        "service": program.service,
        "argv": list(program.argv),
        "cwd": str(program.cwd),
        "env": {name: value.reveal() for name, value in program.env.items()} if secrets else {},
        "app": program.app,
        "host": program.host,
        "port": program.port,
        "readiness_path": program.readiness_path,
        "log": str(program.log),
        "documents": [[str(path), text] for path, text in program.documents] if secrets else [],
        "labels": dict(program.labels),
        "digest": program.digest,
        "ready_timeout": program.ready_timeout,
        "stop_grace": program.stop_grace,
        "drain_timeout": program.drain_timeout,
        "restart": program.restart,
        "max_memory": program.max_memory,
        "hold_while_down": list(program.hold_while_down),
        "hold_timeout": program.hold_timeout,
        "recorded_headers": list(program.recorded_headers),
        "queries": dict(program.queries),
        "fork_server": asdict(program.fork_server) if secrets and program.fork_server else None,
    }


def _nursery(tree: Mapping[str, Any]) -> ForkServerSettings:
    from flowgate.domain import ForkServerSettings

    warmup = tree["warmup"] and to_warmup(tree["warmup"])
    known = {
        **tree,
        "imports": tuple(tree["imports"]),
        "import_variables": tuple(tree["import_variables"]),
        "warmup": warmup,
    }
    return ForkServerSettings(**known)


def to_warmup(tree: Mapping[str, Any]) -> WarmUp:
    """Read a rehearsal from a plain tree."""
    from flowgate.domain import WarmUp

    requests = tuple((method, path, body) for method, path, body in tree["requests"])
    responses = {path: (kind, text) for path, (kind, text) in tree["responses"].items()}
    return WarmUp(**{**tree, "requests": requests, "responses": responses})


def from_tree(tree: Mapping[str, Any]) -> Program:
    """Read a program from a plain tree."""
    from flowgate.domain import Program, Secret

    return Program(
        service=tree["service"],
        argv=tuple(tree["argv"]),
        cwd=Path(tree["cwd"]),
        env={name: Secret(value) for name, value in tree["env"].items()},
        app=tree["app"],
        host=tree["host"],
        port=tree["port"],
        readiness_path=tree["readiness_path"],
        log=Path(tree["log"]),
        documents=tuple((Path(path), text) for path, text in tree["documents"]),
        labels=dict(tree["labels"]),
        digest=tree["digest"],
        ready_timeout=tree["ready_timeout"],
        stop_grace=tree["stop_grace"],
        drain_timeout=tree["drain_timeout"],
        restart=tree["restart"],
        max_memory=tree.get("max_memory"),
        hold_while_down=tuple(tree.get("hold_while_down") or ()),
        hold_timeout=tree.get("hold_timeout", 10.0),
        recorded_headers=tuple(tree.get("recorded_headers") or ()),
        queries=dict(tree.get("queries") or {}),
        fork_server=_nursery(tree["fork_server"]) if tree.get("fork_server") else None,
    )

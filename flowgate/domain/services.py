"""The nouns of the stack: what each service needs, on paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flowgate.domain.config import Reference
from flowgate.domain.forking import ForkServerSettings
from flowgate.domain.values import Secret, Sourced


@dataclass(frozen=True, slots=True)
class Document:
    """A file that a program will read: where it belongs, its text, and the name of its content.

    Attributes:
        digest: The first 12 hex digits of the text's sha256.
        in_place: Write into the existing file instead of renaming a new one over it (the reader watches the
            inode).
    """

    path: Path
    text: str
    digest: str
    in_place: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """What the keeper needs to know to run one service; knows no playbook and no profile.

    nursery: how an app's generations are forked, where that is safe

    Attributes:
        argv: The command; argv[0] is an absolute path.
        cwd: Working folder, made 0700 when absent.
        env: The whole environment of the process; values may be secret, so it never reaches a disk.
        app: "module:attribute" of an ASGI app when the program is served by our own child, else None: an ordinary
            program that binds its own port.
        host: The public address.
        port: The public address.
        readiness_path: Asked with GET; any 2xx is ready. Not used when `app` is set: the child reports itself.
        log: The file that receives stdout and stderr.
        documents: (path, text) of the files it reads, put back before a respawn when they have vanished.
        labels: Opaque facts for people ("profile": "cost"); the keeper hands them out and never reads them.
        digest: Names argv, documents and address, so that two equal programs have equal digests; env is compared
            apart.
        max_memory: Bytes above which an app's generation is replaced by a fresh one; None for no guard.
        stands_on: Services without which an app's generation cannot answer: while one is away, new questions are
            held.
        hold_timeout: Seconds that a question is held at most.
        records: Beginnings of response headers that an app's generation keeps for a while, to say who answered.
        tells: What an app's generation can be asked: word → "module:function", called inside it; it gives rows.
    """

    service: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, Secret]
    app: str | None
    host: str
    port: int
    readiness_path: str | None
    log: Path
    documents: tuple[tuple[Path, str], ...]
    labels: Mapping[str, str]
    digest: str
    ready_timeout: float = 120.0
    stop_grace: float = 10.0
    drain_timeout: float = 600.0
    restart: str = "on-failure"
    max_memory: int | None = None
    hold_while_down: tuple[str, ...] = ()
    hold_timeout: float = 10.0
    recorded_headers: tuple[str, ...] = ()
    fork_server: ForkServerSettings | None = None
    queries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Service:
    """One service on paper.

    Attributes:
        program: What the keeper will run.
        documents: The files to write first.
        needs: Names of variables its documents use (`os.environ/NAME`), with the place of each.
        after: Services that must be ready first.
        health_path: For `health` and `wait_healthy`.
        readiness_path: For `health` and `wait_healthy`.
    """

    name: str
    program: Program
    documents: tuple[Document, ...]
    needs: tuple[Reference, ...]
    after: tuple[str, ...]
    readiness_path: str
    health_path: str


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything one profile needs: its services, in the order they are named in the config."""

    profile: Sourced[str]
    services: Mapping[str, Service]
    models: tuple[str, ...]
    notes: tuple[str, ...] = ()

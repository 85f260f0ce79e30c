"""Records that describe services: what each one runs and which files it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flowgate.domain.budgets import BudgetPlan
from flowgate.domain.config import Reference
from flowgate.domain.forking import ForkServerSettings
from flowgate.domain.ledger import LedgerFile
from flowgate.domain.request_rules import RequestRules
from flowgate.domain.usage_source import UsageSource
from flowgate.domain.values import Secret, Sourced


@dataclass(frozen=True, slots=True)
class Document:
    """A file that a program reads.

    Attributes:
        path: Where the file belongs.
        text: Its content.
        digest: First 12 hex digits of the text's SHA-256.
        in_place: Write into the existing file instead of replacing it; the reader watches the inode.
    """

    path: Path
    text: str
    digest: str
    in_place: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """What the supervisor needs to run one service.

    Attributes:
        service: Name of the service.
        argv: The command; argv[0] is an absolute path.
        cwd: Working folder; created with mode 0700 when absent.
        env: The whole environment of the process. Values may be secret, so it is never written to disk.
        app: "module:attribute" of an ASGI app that our own worker serves; None for a program that binds its own port.
        host: Public address.
        port: Public port.
        readiness_path: Path to probe with GET; any 2xx is ready. Empty: it is ready as soon as it accepts connections.
            Unused when `app` is set: the worker reports itself.
        log: File that receives stdout and stderr.
        documents: (path, text) of the files it reads; written again before a respawn when they are missing.
        labels: Facts for people ("profile": "cost"); the supervisor returns them and never interprets them.
        digest: Identifies argv, documents and address. Programs with equal digests are equal but for `env`.
        ready_timeout: Seconds until it must be ready.
        stop_grace: Seconds between SIGTERM and SIGKILL.
        drain_timeout: Seconds that a draining generation may finish requests.
        restart: "never", or respawn after a crash.
        max_memory: Bytes above which an app's generation is replaced by a fresh one, or one of its several workers by a
            fresh worker; None for no limit.
        hold_while_down: Services that the app needs; while one of them is down, new requests are held.
        hold_timeout: Seconds that a request is held at most.
        recorded_headers: Prefixes of response headers to keep for a while (see `inv explain`).
        fork_server: How to fork the app's workers, where that is safe.
        queries: What a worker can be asked about itself: word to "module:function", which returns rows.
        hooks: What a worker calls in its own process: "set_up" at its start, "upstream_changed" when a service of
            `hold_while_down` stops or comes back; each to "module:function".
        needed_addresses: Service of `hold_while_down` to its "host:port".
        request_rules: Requests that a worker refuses before its app sees them.
        ledger: Where a worker records its requests; None if it does not.
        budgets: What may be spent and asked; None if nothing is limited.
        usage_source: Where the supervisor collects the program's own records about accounts; None if it has none.
        workers: Processes of one generation; more than one only where `app` is set.
        claimed_folders: Folders that no other host may use while it runs, also if they are on a network file system.
        answers_pings: It binds its own port and answers `OPTIONS *` at once, whatever else it does; one that does not
            answer for long is killed and respawned.
        auxiliary: Nothing needs it; the gateway is well also while it is down.
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
    hooks: Mapping[str, str] = field(default_factory=dict)
    needed_addresses: Mapping[str, str] = field(default_factory=dict)
    request_rules: RequestRules = field(default_factory=RequestRules)
    ledger: LedgerFile | None = None
    budgets: BudgetPlan | None = None
    usage_source: UsageSource | None = None
    workers: int = 1
    claimed_folders: tuple[Path, ...] = ()
    answers_pings: bool = False
    auxiliary: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a stack.

    Attributes:
        name: Name of the service.
        program: What the supervisor runs.
        documents: Files to write first.
        needs: Variables that its documents use (`os.environ/NAME`), each with its location.
        after: Services that must be ready first.
        readiness_path: Path for `wait_healthy`.
        health_path: Path for `health`.
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
    """Everything that one profile needs.

    Attributes:
        profile: The profile, and what chose it.
        services: Services by name, in the order of the config.
        models: Names of the models it offers, and patterns among them.
        notes: Remarks for the user.
        listed: Names that LiteLLM's list of models must have.
        requestable: Names that a test request can use, in the order of preference.
        through_upstream: Those of them that CLIProxyAPIPlus, or the embedded upstream in its place, answers; the names
            without other fallbacks are first.
    """

    profile: Sourced[str]
    services: Mapping[str, Service]
    models: tuple[str, ...]
    notes: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    requestable: tuple[str, ...] = ()
    through_upstream: tuple[str, ...] = ()

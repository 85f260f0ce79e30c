"""Convert a `Program` to JSON data and back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict, cast

from flowgate.supervisor.budget_tree import BudgetTree, budgets_from_tree, to_budget_tree
from flowgate.supervisor.ledger_tree import LedgerTree, ledger_from_tree, to_ledger_tree
from flowgate.supervisor.request_rules_tree import RequestRulesTree, request_rules_from_tree
from flowgate.supervisor.usage_source_tree import UsageSourceTree, to_usage_source_tree, usage_source_from_tree

if TYPE_CHECKING:
    from flowgate.domain import ForkServerSettings, Program, WarmUp


class WarmUpTree(TypedDict):
    """`WarmUp` as JSON."""

    document: str
    variable: str
    env: dict[str, str]
    headers: dict[str, str]
    requests: list[list[str]]
    responses: dict[str, list[str]]
    seconds: float


class ForkServerTree(TypedDict):
    """`ForkServerSettings` as JSON."""

    imports: list[str]
    fork_guard: str
    import_variables: list[str]
    environment: str
    warmup: WarmUpTree | None
    module_cache: str


class ForkServerSpec(ForkServerTree):
    """The first message to a fork server: its settings, and the app whose workers it forks."""

    app: str


class ProgramTree(TypedDict):
    """`Program` as JSON."""

    service: str
    argv: list[str]
    cwd: str
    env: dict[str, str]
    app: str | None
    host: str
    port: int
    readiness_path: str | None
    log: str
    documents: list[list[str]]
    labels: dict[str, str]
    digest: str
    ready_timeout: float
    stop_grace: float
    drain_timeout: float
    restart: str
    max_memory: int | None
    hold_while_down: list[str]
    hold_timeout: float
    recorded_headers: list[str]
    queries: dict[str, str]
    hooks: dict[str, str]
    needed_addresses: dict[str, str]
    request_rules: RequestRulesTree
    ledger: LedgerTree | None
    budgets: NotRequired[BudgetTree | None]
    usage_source: NotRequired[UsageSourceTree | None]
    fork_server: ForkServerTree | None
    workers: NotRequired[int]
    claimed_folders: NotRequired[list[str]]
    answers_pings: NotRequired[bool]
    auxiliary: NotRequired[bool]


def to_tree(program: Program, *, secrets: bool) -> ProgramTree:
    """Convert a program to JSON data.

    Args:
        program: The program.
        secrets: Include its environment, documents and fork server settings: True for a socket, False for a file.
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
        "hooks": dict(program.hooks),
        "needed_addresses": dict(program.needed_addresses),
        "request_rules": cast("RequestRulesTree", asdict(program.request_rules)),
        "ledger": to_ledger_tree(program.ledger) if program.ledger else None,
        "budgets": to_budget_tree(program.budgets) if program.budgets else None,
        "usage_source": to_usage_source_tree(program.usage_source) if program.usage_source else None,
        "fork_server": fork_server_tree(program.fork_server) if secrets and program.fork_server else None,
        "workers": program.workers,
        "claimed_folders": [str(path) for path in program.claimed_folders],
        "answers_pings": program.answers_pings,
        "auxiliary": program.auxiliary,
    }


def fork_server_tree(settings: ForkServerSettings) -> ForkServerTree:
    """Convert fork server settings to JSON data."""
    return cast("ForkServerTree", asdict(settings))


def warmup_from_tree(tree: WarmUpTree) -> WarmUp:
    """Convert JSON data to a warm-up."""
    from flowgate.domain import WarmUp

    requests = tuple((method, path, body) for method, path, body in tree["requests"])
    responses = {path: (kind, text) for path, (kind, text) in tree["responses"].items()}
    return WarmUp(
        tree["document"], tree["variable"], tree["env"], tree["headers"], requests, responses, tree["seconds"]
    )


def _fork_server_from_tree(tree: ForkServerTree) -> ForkServerSettings:
    from flowgate.domain import ForkServerSettings

    return ForkServerSettings(
        imports=tuple(tree["imports"]),
        fork_guard=tree["fork_guard"],
        import_variables=tuple(tree["import_variables"]),
        environment=tree["environment"],
        warmup=warmup_from_tree(tree["warmup"]) if tree["warmup"] else None,
        module_cache=tree["module_cache"],
    )


def from_tree(tree: ProgramTree) -> Program:
    """Convert JSON data to a program.

    Raises:
        KeyError: A key is missing.
        TypeError: A value has the wrong type.
    """
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
        max_memory=tree["max_memory"],
        hold_while_down=tuple(tree["hold_while_down"]),
        hold_timeout=tree["hold_timeout"],
        recorded_headers=tuple(tree["recorded_headers"]),
        queries=dict(tree["queries"]),
        hooks=dict(tree.get("hooks") or {}),  # a worker of an earlier FlowGate has none
        needed_addresses=dict(tree.get("needed_addresses") or {}),
        request_rules=request_rules_from_tree(tree.get("request_rules")),
        ledger=ledger_from_tree(tree.get("ledger")),
        budgets=budgets_from_tree(tree.get("budgets")),
        usage_source=usage_source_from_tree(tree.get("usage_source")),
        fork_server=_fork_server_from_tree(tree["fork_server"]) if tree["fork_server"] else None,
        workers=tree.get("workers", 1),  # a worker of an earlier FlowGate is the only one of its generation
        claimed_folders=tuple(map(Path, tree.get("claimed_folders", ()))),
        answers_pings=tree.get("answers_pings", False),
        auxiliary=tree.get("auxiliary", False),
    )

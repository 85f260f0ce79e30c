"""Convert a `Program` to JSON data and back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict, cast

from flowgate.supervisor.budget_tree import BudgetTree, budgets_from_tree, to_budget_tree
from flowgate.supervisor.ledger_tree import LedgerTree, ledger_from_tree, to_ledger_tree

if TYPE_CHECKING:
    from flowgate.domain import ForkServerSettings, Program, WarmUp
    from flowgate.domain.request_rules import RequestRules


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


class RequestRulesTree(TypedDict):
    """`RequestRules` as JSON."""

    key_source: str
    name_source: str
    key_headers: list[str]
    own_keys: list[str]
    open_paths: list[str]
    unchecked_paths: list[str]
    models: list[str]
    further_models: list[str]
    patterns: list[str]
    any_model: bool
    model_optional: list[str]
    refused: dict[str, list[str]]
    client_keys: str
    budgets: NotRequired[str]
    client_paths: list[str]
    user_header: str
    user_headers: list[str]
    metadata_header: str
    renamed: NotRequired[dict[str, str]]
    renamed_patterns: NotRequired[list[list[str]]]
    max_requests: NotRequired[int]
    max_body: NotRequired[int]


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
    fork_server: ForkServerTree | None
    workers: NotRequired[int]


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
        "fork_server": fork_server_tree(program.fork_server) if secrets and program.fork_server else None,
        "workers": program.workers,
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


def request_rules_from_tree(tree: RequestRulesTree | None) -> RequestRules:
    """Convert JSON data to the rules of a request filter.

    Args:
        tree: The JSON data; None if a worker of an earlier FlowGate sent the program.
    """
    from flowgate.domain import request_limits
    from flowgate.domain.request_rules import RequestRules

    if tree is None:
        return RequestRules()
    return RequestRules(
        key_source=tree["key_source"],
        name_source=tree["name_source"],
        key_headers=tuple(tree["key_headers"]),
        own_keys=tuple(tree["own_keys"]),
        open_paths=tuple(tree["open_paths"]),
        unchecked_paths=tuple(tree["unchecked_paths"]),
        models=tuple(tree["models"]),
        further_models=tuple(tree["further_models"]),
        patterns=tuple(tree["patterns"]),
        any_model=tree["any_model"],
        model_optional=tuple(tree["model_optional"]),
        refused={name: tuple(capabilities) for name, capabilities in tree["refused"].items()},
        client_keys=tree.get("client_keys", ""),  # these were added later: an earlier FlowGate sends none of them
        budgets=tree.get("budgets", ""),
        client_paths=tuple(tree.get("client_paths", ())),
        user_header=tree.get("user_header", ""),
        user_headers=tuple(tree.get("user_headers", ())),
        metadata_header=tree.get("metadata_header", ""),
        renamed=dict(tree.get("renamed", {})),
        renamed_patterns=tuple((pattern, model) for pattern, model in tree.get("renamed_patterns", ())),
        max_requests=tree.get("max_requests", request_limits.AUTO),
        max_body=tree.get("max_body", request_limits.MAX_BODY),
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
        fork_server=_fork_server_from_tree(tree["fork_server"]) if tree["fork_server"] else None,
        workers=tree.get("workers", 1),  # a worker of an earlier FlowGate is the only one of its generation
    )

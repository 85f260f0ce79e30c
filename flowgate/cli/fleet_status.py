"""The command `fleet.status`: one table over the gateways of an inventory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast

from flowgate.cli import console, fleet_run
from flowgate.cli.fleet_interrupt import PROGRAM
from flowgate.cli.fleet_request import Target
from flowgate.cli.fleet_run import Answer
from flowgate.errors import EnvironmentFailure, UsageError

HEADING = ("HOST", "PROFILE", "SERVICES", "GENERATION", "HEALTH", "VERSION")
Tree = Mapping[str, object]


class HostStatus(TypedDict):
    """The state of one host; docs/json.md describes the keys."""

    reachable: bool
    ok: bool
    profile: str
    services: dict[str, str]
    generation: int | None
    version: str
    litellm: str
    error: str
    fix: str


def status(inventory: str, limit: str, as_json: bool) -> int:
    """Print the state of every gateway.

    Args:
        inventory: The Ansible inventory.
        limit: Hosts, groups or patterns; empty for all.
        as_json: Print one JSON document.

    Returns:
        0 if every gateway is healthy, else 1; 130 or 143 if it was interrupted.

    Raises:
        UsageError: The inventory is missing or wrong.
    """
    if not inventory:
        raise UsageError("--inventory is missing", fix="-i hosts.yml")
    done = fleet_run.run(_play(), {}, Target(inventory, limit), (), lambda answer: None)
    if done.interrupted:
        console.note("interrupted")
        return done.interrupted
    if done.failure:
        raise EnvironmentFailure(done.failure, fix="run the command again")
    found = {host: _host(next(iter(done.of(host)), None)) for host in done.hosts}
    healthy = all(one["ok"] for one in found.values())
    if as_json:
        console.document({"ok": healthy, "hosts": found})
        return 0 if healthy else 1
    console.table([HEADING, *(_row(host, one) for host, one in found.items())])
    for host, one in found.items():
        if one["error"]:
            console.quote(f"! {host}: {one['error']}")
        if one["fix"]:
            console.note(f"  fix: {one['fix']}")
    return 0 if healthy else 1


def _play() -> dict[str, object]:
    return {
        "name": "FlowGate",
        "tasks": [{"name": "Read the state", "flowgate.gateway.status": PROGRAM, "ignore_errors": True}],
    }


def _host(answer: Answer | None) -> HostStatus:
    if answer is None:
        raise EnvironmentFailure("Ansible did not ask every host", fix="run the command again")
    known = answer.documents
    state, health = _tree(known, "status"), _tree(known, "health")
    services = _tree(state, "services")
    generation = _tree(services, "litellm").get("generation")
    reachable = answer.state != "unreachable"
    return {
        "reachable": reachable,
        "ok": bool(health.get("ok")),
        "profile": str(_tree(state, "profile").get("name") or ""),
        "services": {name: str(_tree(services, name).get("state") or "") for name in services},
        "generation": generation if isinstance(generation, int) else None,
        "version": str(known.get("version") or ""),
        "litellm": str(_tree(state, "litellm").get("serving") or ""),
        "error": _error(answer, health),
        "fix": answer.fix,
    }


def _error(answer: Answer, health: Tree) -> str:
    if answer.state == "unreachable":
        return f"cannot be reached: {answer.message}"
    if answer.state == "failed":
        return answer.message
    services = _tree(health, "services")
    said = ((name, _tree(services, name)) for name in services)
    return "; ".join(f"{name}: {one.get('error') or one.get('status')}" for name, one in said if not one.get("ready"))


def _tree(tree: Tree, name: str) -> Tree:
    found = tree.get(name)
    return cast("Tree", found) if isinstance(found, Mapping) else {}


def _row(host: str, one: HostStatus) -> tuple[str, ...]:
    health = "healthy" if one["ok"] else "not healthy" if one["reachable"] else "unreachable"
    services = ", ".join(f"{name} {state}" for name, state in one["services"].items())
    generation = "" if one["generation"] is None else str(one["generation"])
    cells = (one["profile"], services, generation, health, one["version"])
    return (f"{'=' if one['ok'] else '!'} {host}", *(cell or "-" for cell in cells))

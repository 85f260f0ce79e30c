"""The command `stacks`: the gateways of this user that run, and how to reach each."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import console
from flowgate.cli.reach import command_for
from flowgate.system.clock import stamp

if TYPE_CHECKING:
    from flowgate.supervisor.stacks import Stack


class ServiceOfStack(TypedDict):
    """One service; docs/json.md describes the keys."""

    name: str
    state: str
    address: str
    generation: int
    pid: int | None


class RunningStack(TypedDict):
    """One gateway; docs/json.md describes the keys."""

    config: str
    runtime: str
    profile: str
    since: str
    supervisor: int | None
    answers: bool
    rehearsal: bool
    command: str
    services: list[ServiceOfStack]


def stacks(as_json: bool) -> int:
    """Print the gateways of this user that run: config, profile, addresses, runtime folder.

    Args:
        as_json: Print one JSON document.
    """
    from flowgate.supervisor import stacks as found

    all_of_them = [describe(one) for one in found.running()]
    if as_json:
        console.document({"stacks": all_of_them})
        return 0
    if not all_of_them:
        console.note("no FlowGate of this user runs")
        console.note("fix: inv up")
    for one in all_of_them:
        _print(one)
    return 0


def describe(stack: Stack) -> RunningStack:
    """Return what the command prints of a gateway.

    Args:
        stack: The gateway.
    """
    return {
        "config": stack.config,
        "runtime": str(stack.runtime),
        "profile": stack.profile,
        "since": stamp(stack.since),
        "supervisor": stack.supervisor,
        "answers": stack.answers,
        "rehearsal": stack.is_rehearsal,
        "command": command_for(stack),
        "services": [
            {
                "name": one.name,
                "state": one.phase,
                "address": f"http://{one.host}:{one.port}",
                "generation": one.generation,
                "pid": one.pid,
            }
            for one in stack.services
        ],
    }


def _print(one: RunningStack) -> None:
    console.data(f"config   {one['config'] or 'unknown'}{' (a rehearsal)' if one['rehearsal'] else ''}")
    supervisor = f"supervisor process {one['supervisor']}" if one["supervisor"] else "without a supervisor"
    silent = ", does not answer" if one["supervisor"] and not one["answers"] else ""
    profile = f"profile {one['profile']}, " if one["profile"] else ""
    console.data(f"  {profile}runs since {one['since']}, {supervisor}{silent}")
    console.data(f"  runtime folder {one['runtime']}")
    for service in one["services"]:
        where = f"{service['address']}, generation {service['generation']}, process {service['pid'] or '-'}"
        console.data(f"  {service['name']} {service['state']} at {where}")
    if one["command"]:
        console.data(f"  reach it: {one['command']} status")

"""The tasks that print the present state: services, health, events, other stacks, many hosts."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import JSON, command, config


@task(help={"json": JSON})
@command
def status(c: Context, json: bool = False) -> int:
    """Print the active profile and every service; never calls a model."""
    from flowgate.cli import status

    return status.status(config(c), json)


@task(help={"json": JSON})
@command
def stacks(c: Context, json: bool = False) -> int:
    """List every FlowGate of yours that runs: config, profile, addresses, and how to reach it."""
    from flowgate.cli import stacks

    return stacks.stacks(json)


@task(help={"json": JSON})
@command
def health(c: Context, json: bool = False) -> int:
    """Print liveness and readiness of every service; exit 1 when a service is not ready."""
    from flowgate.cli import health

    return health.health(config(c), json)


@task(
    help={
        "lines": "how many lines",
        "follow": "keep printing until Ctrl-C",
        "service": "only of this service",
        "event": "only of this kind",
        "since": "only newer ones: 10m, 2h, 1d or a timestamp",
        "json": "the lines as they are stored, one JSON object each",
    }
)
@command
def events(
    c: Context,
    lines: str = "20",
    follow: bool = False,
    service: str = "",
    event: str = "",
    since: str = "",
    json: bool = False,
) -> int:
    """Print the event log."""
    from flowgate.cli import arguments, event_log

    return event_log.events(config(c), arguments.count("lines", lines), follow, service, event, since, json)


@task(
    help={
        "open": "open the page in your browser instead of printing the link",
        "port": "the port on 127.0.0.1 of a dashboard that is started; 0: a free one",
        "stop": "stop the dashboard",
        "keep": "let it run when nobody looks: Prometheus reads /metrics (give it a port)",
        "json": JSON,
    }
)
@command
def dashboard(
    c: Context,
    open: bool = False,  # noqa: A002 - a flag
    port: str = "0",
    stop: bool = False,
    keep: bool = False,
    json: bool = False,
) -> int:
    """Print a link, which works once, to a page that shows the state, requests, usage, accounts and events."""
    from flowgate.cli import dashboard

    return dashboard.run(config(c), port, dashboard.How(open, stop, keep), json)


@task(help={"allow-changes": "also offer tools that switch profiles, end cooldowns and restart services"})
@command
def mcp(c: Context, allow_changes: bool = False) -> int:
    """Let an agent read the state over stdin and stdout, by the Model Context Protocol."""
    from flowgate.cli import mcp_server

    return mcp_server.serve(config(c), allow_changes)


@task(help={"interval": "seconds between two frames", "once": "print one frame; also into a file or pipe"})
@command
def top(c: Context, interval: str = "2", once: bool = False) -> int:
    """Show the gateway live: services, requests per second, latency, cooldowns, spend and events; q ends it."""
    from flowgate.cli import arguments, top

    return top.run(config(c), arguments.seconds("interval", interval), once)


@task(name="path", help={"json": JSON})
@command
def key_path(c: Context, json: bool = False) -> int:
    """Print the path of the gateway's key; clients use `$(cat …)`."""
    from flowgate.cli import logs

    return logs.key_path(config(c), json)


@task(
    name="status",
    help={"inventory": "(-i) the Ansible inventory", "limit": "only these hosts or groups of it", "json": JSON},
)
@command
def fleet_status(c: Context, inventory: str = "", limit: str = "", json: bool = False) -> int:
    """Print the state of every gateway of an inventory in one table; exit 1 when one is not healthy."""
    from flowgate.cli import fleet_status

    return fleet_status.status(inventory, limit, json)

"""The tasks that bring the whole gateway up, prove it and take it down."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import PROFILE, WATCH, command, config, dry


@task(
    help={
        "profile": PROFILE,
        "startup-timeout": "seconds to wait until the services are ready",
        "keep": "leave everything running afterwards",
        "live": "send requests to real accounts too (costs money)",
    }
)
@command
def smoke(c: Context, profile: str = "", startup_timeout: str = "120", keep: bool = False, live: bool = False) -> int:
    """Test the gateway end to end: download, render, start, wait until healthy, send real requests, stop."""
    from flowgate.cli import arguments, play

    variables = {
        "startup_timeout": arguments.seconds("startup-timeout", startup_timeout),
        "keep": keep,
        "live": live,
    }
    return play.smoke(config(c), profile, variables, check=dry(c))


@task(help={"profile": PROFILE})
@command
def up(c: Context, profile: str = "") -> int:
    """Start everything and activate a profile."""
    from flowgate.cli import play

    return play.up(config(c), profile, check=dry(c))


@task(help={"profile": PROFILE, "watch": WATCH})
@command
def run(c: Context, profile: str = "", watch: bool = False) -> int:
    """Stay in the foreground with everything up, for systemd, a container or tmux; SIGHUP reloads, SIGTERM stops."""
    from flowgate.cli import run

    return run.run(config(c), profile, watch=watch)


@task
@command
def down(c: Context) -> int:
    """Stop everything."""
    from flowgate.cli import play

    return play.down(config(c), "all", check=dry(c))

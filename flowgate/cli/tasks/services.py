"""The tasks of single services: start, stop, reload, logs, and a service manager's unit."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import PROFILE, SERVICE, WATCH, command, config, dry


@task(help={"service": SERVICE})
@command
def start(c: Context, service: str = "all") -> int:
    """Start services and wait until they are ready."""
    from flowgate.cli import arguments, play

    named = {"service": arguments.service(service)}
    return play.run(config(c), "service-start", named, profile="", check=dry(c))


@task(help={"service": SERVICE})
@command
def stop(c: Context, service: str = "all") -> int:
    """Stop services with their whole process trees."""
    from flowgate.cli import arguments, play

    return play.down(config(c), arguments.service(service), check=dry(c))


@task(help={"service": SERVICE, "now": "do not wait for running requests in CLIProxyAPIPlus: cut them"})
@command
def restart(c: Context, service: str = "all", now: bool = False) -> int:
    """Restart services without cutting a request: LiteLLM by a hand-over, CLIProxyAPIPlus when it is idle."""
    from flowgate.cli import arguments, play

    name = arguments.service(service)
    return play.run(config(c), "service-restart", {"service": name, "now": now}, profile="", check=dry(c))


@task(help={"service": SERVICE, "watch": "wait until the older generation has ended, and print what changes"})
@command
def reload(c: Context, service: str = "all", watch: bool = False) -> int:
    """Apply changed settings without cutting a request; CLIProxyAPIPlus rereads its file."""
    from flowgate.cli import arguments, play

    return play.reload(config(c), arguments.service(service), watch, check=dry(c))


@task
@command
def recover(c: Context) -> int:
    """Replace a supervisor that does not answer; its services serve all the time."""
    from flowgate.cli import recover

    return recover.recover(config(c))


@task(
    positional=["name"],
    help={
        "name": "litellm, cliproxyapi_plus or supervisor",
        "lines": "how many lines",
        "follow": "keep printing until Ctrl-C",
    },
)
@command
def logs(c: Context, name: str, lines: str = "50", follow: bool = False) -> int:
    """Print the last lines of a service's log."""
    from flowgate.cli import arguments, logs

    return logs.logs(config(c), arguments.named(name, "a service"), arguments.count("lines", lines), follow)


WHERE = {"name": "name of the service", "system": "a service of the whole system, not of your user"}


@task(
    name="install",
    help={
        **WHERE,
        "profile": PROFILE,
        "watch": WATCH,
        "force": "replace a file that is not FlowGate's, or was edited by hand",
    },
)
@command
def service_install(
    c: Context,
    name: str = "flowgate",
    system: bool = False,
    profile: str = "",
    watch: bool = False,
    force: bool = False,
) -> int:
    """Start FlowGate at boot: write a systemd unit, or a launchd plist, and start it."""
    from flowgate.cli import service_install

    return service_install.install(config(c), (name, system), profile, watch=watch, force=force, check=dry(c))


@task(name="uninstall", help={**WHERE, "force": "delete a file that was edited by hand"})
@command
def service_uninstall(c: Context, name: str = "flowgate", system: bool = False, force: bool = False) -> int:
    """Stop what `service install` started, and delete its file."""
    from flowgate.cli import service_install

    return service_install.uninstall(config(c), (name, system), force=force, check=dry(c))

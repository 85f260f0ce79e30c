"""The tasks that write the gateway as files of other engines."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import CHECK, command, config, dry

EXPORT = {
    "to": "the folder to write into",
    "profile": "export this profile only; default: all profiles of the config",
    "check": CHECK,
    "diff": "show the lines that change in files",
}

REHEARSAL = {
    "rehearsal": "also write each profile's gateway with stand-ins as vendors, for `rehearse --against`",
    "time-scale": "with --rehearsal: factor for LiteLLM's times, up to 1; default: as short as the profile allows",
}


IMAGES = {
    "image": "FlowGate's image, with a digest: REGISTRY/NAME@sha256:…",
    "southbound-image": "CLIProxyAPIPlus' image, with a digest; needed if the config has one",
    "proxy-image": "HAProxy's image, with a digest",
    "southbound-program": "path of CLIProxyAPIPlus in its image; default: /CLIProxyAPI/CLIProxyAPIPlus",
    "redis": "HOST:PORT of the Redis that all gateways share; its password is the variable REDIS_PASSWORD",
    "gateways": "how many gateways run; on Kubernetes, at least",
}


@task(
    name="kubernetes",
    help={
        **EXPORT,
        **IMAGES,
        **REHEARSAL,
        "redis-image": "Redis' image, with a digest, for a rehearsal whose gateways share a Redis of their own",
    },
)
@command
def export_kubernetes(
    c: Context,
    to: str = "",
    profile: str = "",
    image: str = "",
    southbound_image: str = "",
    proxy_image: str = "",
    redis_image: str = "",
    southbound_program: str = "",
    redis: str = "",
    gateways: str = "2",
    rehearsal: bool = False,
    time_scale: str = "",
    check: bool = False,
    diff: bool = False,
) -> int:
    """Write the gateway as a kustomize base, with an overlay for each profile."""
    from flowgate.cli import export

    options = {"image": image, "southbound-image": southbound_image, "proxy-image": proxy_image, "redis": redis}
    options |= {"southbound-program": southbound_program, "gateways": gateways, "redis-image": redis_image}
    options |= _rehearsal(rehearsal, time_scale)
    return export.export(config(c), "kubernetes", export.ExportRequest(to, profile, check or dry(c), diff, options))


@task(
    name="compose",
    help={
        **EXPORT,
        **IMAGES,
        **REHEARSAL,
        "redis-image": "Redis' image, with a digest; needed without --redis, and for --rehearsal",
    },
)
@command
def export_compose(
    c: Context,
    to: str = "",
    profile: str = "",
    image: str = "",
    southbound_image: str = "",
    proxy_image: str = "",
    redis_image: str = "",
    southbound_program: str = "",
    redis: str = "",
    gateways: str = "2",
    rehearsal: bool = False,
    time_scale: str = "",
    check: bool = False,
    diff: bool = False,
) -> int:
    """Write the gateway as a Compose project for each profile: gateways behind an HAProxy, with one Redis."""
    from flowgate.cli import export

    options = {"image": image, "southbound-image": southbound_image, "proxy-image": proxy_image, "redis": redis}
    options |= {"southbound-program": southbound_program, "gateways": gateways, "redis-image": redis_image}
    options |= _rehearsal(rehearsal, time_scale)
    return export.export(config(c), "compose", export.ExportRequest(to, profile, check or dry(c), diff, options))


@task(
    name="systemd",
    help={**EXPORT, **REHEARSAL, "user": "write a system unit that runs as this user; default: a unit of your own"},
)
@command
def export_systemd(
    c: Context,
    to: str = "",
    profile: str = "",
    user: str = "",
    rehearsal: bool = False,
    time_scale: str = "",
    check: bool = False,
    diff: bool = False,
) -> int:
    """Write a systemd unit that runs the gateway on this host."""
    from flowgate.cli import export

    options = {"user": user, **_rehearsal(rehearsal, time_scale)}
    return export.export(config(c), "systemd", export.ExportRequest(to, profile, check or dry(c), diff, options))


def _rehearsal(asked: bool, time_scale: str) -> dict[str, str]:
    return {"rehearsal": "yes" if asked else "", "time-scale": time_scale}


@task(name="ansible", help={"to": EXPORT["to"], "check": CHECK, "diff": EXPORT["diff"]})
@command
def export_ansible(c: Context, to: str = "", check: bool = False, diff: bool = False) -> int:
    """Write FlowGate's steps and playbooks as modules of an Ansible collection, `flowgate.gateway`."""
    from flowgate.cli import export_ansible

    return export_ansible.export(to, check=check or dry(c), diff=diff)

"""Read and check what an export is made from: the config, the profiles and what was typed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import yaml

from flowgate.cli.checks import runtime
from flowgate.cli.session import Session
from flowgate.config.document import draft
from flowgate.context import StepContext
from flowgate.domain import Config, Secret
from flowgate.errors import FlowGateError, UnknownName, UsageError, raise_all
from flowgate.export import compose, gateway_config, images, names, refusals, southbound_config
from flowgate.export.plan import Address, Images, Plan, ProfileFacts, Unit
from flowgate.gateway import build, cliproxy, preflight
from flowgate.gateway.environment import INHERITED_VARIABLES
from flowgate.system import files, locations

SOUTHBOUND_PROGRAM = "/CLIProxyAPI/CLIProxyAPIPlus"
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
PROGRAM = re.compile(r"/[\w./+-]+")
ALWAYS_SET = ("PATH", "HOME", "LANG", "TZ", "LC_ALL", "TMPDIR")
NOT_EXPORTED = ("auth", "bootstrap", "secret_files", "paths")


def read(session: Session, kind: str, profile: str, options: Mapping[str, str]) -> Plan:
    """Read what is exported.

    Args:
        session: The config.
        kind: "kubernetes", "compose" or "systemd".
        profile: The profile; empty for all.
        options: What was typed beside it, by name.

    Raises:
        UnknownName: There is no such profile.
        UsageError: An option is missing or wrong, or the config has what cannot be exported; all of it at once.
    """
    config, containers = session.config, kind != "systemd"
    if profile and profile not in config.profiles:
        raise UnknownName("profile", profile, known=config.profiles, at=config.place("profiles"))
    profiles = [profile] if profile else list(config.profiles)
    rehearsal = bool(options.get("rehearsal"))
    raise_all(f"export {kind}", [*names.profile_faults(config, kind, profiles, rehearsal=rehearsal)])
    context = runtime.read_only_context(session, [])
    inputs = context.build_inputs()
    found = [*_typed_faults(session, kind, options)]
    found += refusals.faults(config, inputs.modules.digests, containers=containers)
    found += _southbound_faults(session) if containers else []
    raise_all(f"export {kind}", found)
    plan = Plan(
        config,
        tuple(_facts(session, name, inputs) for name in profiles),
        Images(**{name: options.get(flag, "") for name, flag in _FLAGS.items()}),
        redis=_address(options.get("redis", "")),
        southbound_program=options.get("southbound-program") or SOUTHBOUND_PROGRAM,
        southbound_readiness=_readiness(context),
        gateways=int(options.get("gateways") or 2),
        remote_ca=_remote_ca(config) if containers else "",
        unit=None if containers else _unit(session, profile, options),
    )
    raise_all(f"export {kind}", [*_variable_faults(plan, kind, options)])
    return plan


def _unit(session: Session, profile: str, options: Mapping[str, str]) -> Unit:
    program = locations.python().parent / "flowgate"
    words = [str(program)] if program.is_file() else [str(locations.python()), "-P", "-m", "flowgate"]
    if not session.config.embedded:
        words += ["--config", str(session.named.value)]
    words += ["run", *(["--profile", profile] if profile else [])]
    user, to = options.get("user", ""), Path(options["to"]).expanduser().absolute()
    if user and not USER.fullmatch(user):
        raise UsageError(f"--user {user!r} is no name of a user", fix="--user NAME")
    own = cliproxy.is_configured(session.config)
    root = session.config.root
    return Unit(tuple(words), str(root if root.is_dir() else Path.home()), str(to), user, own)


def _remote_ca(config: Config) -> str:
    remote = config.remote
    return files.read_text(remote.ca) if remote is not None and remote.ca is not None else ""


def _variable_faults(plan: Plan, kind: str, options: Mapping[str, str]) -> Iterator[FlowGateError]:
    southbound = compose.SOUTHBOUND if plan.has_southbound else None
    made = gateway_config.tree(plan.config, 0, southbound, plan.redis or (compose.REDIS if kind == "compose" else None))
    found = {one.name for one in gateway_config.variables(made)}
    return names.variable_faults(plan.config, kind, found, rehearsal=bool(options.get("rehearsal")))


_FLAGS = {"gateway": "image", "southbound": "southbound-image", "proxy": "proxy-image", "redis": "redis-image"}


def _typed_faults(session: Session, kind: str, options: Mapping[str, str]) -> Iterator[FlowGateError]:
    needed = {"kubernetes": ["image", "proxy-image"], "compose": ["image", "proxy-image"], "systemd": []}[kind]
    if kind != "systemd" and cliproxy.is_configured(session.config):
        needed.append("southbound-image")
    if kind == "compose" and not options.get("redis"):
        needed.append("redis-image")
    for flag in dict.fromkeys([*needed, *(one for one in images.WHY if options.get(one))]):
        try:
            images.check(flag, options.get(flag, ""))
        except UsageError as error:
            yield error
    try:
        _address(options.get("redis", ""))
    except UsageError as error:
        yield error
    program = options.get("southbound-program", "")
    if program and not PROGRAM.fullmatch(program):
        yield UsageError(
            f"--southbound-program {program!r} is no absolute path", fix=f"leave it out for {SOUTHBOUND_PROGRAM}"
        )
    gateways = options.get("gateways") or "2"
    if not gateways.isdigit() or not 1 <= int(gateways) <= 50:
        yield UsageError(f"--gateways must be a number from 1 to 50, not {gateways!r}", fix="--gateways 2")


def _address(typed: str) -> Address | None:
    if not typed:
        return None
    host, _, port = typed.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536 or any(one in host for one in "/@ :"):
        raise UsageError("--redis must be HOST:PORT, without a scheme and a password", fix="--redis redis.infra:6379")
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if loopback:
        what = f"--redis {typed} is an address of this machine, which the gateways do not reach"
        raise UsageError(what, fix="give the address at which they reach it")
    return Address(host, int(port))


def _facts(session: Session, name: str, inputs: build.BuildInputs) -> ProfileFacts:
    marked = replace(inputs, upstream_key=Secret(southbound_config.KEY_MARKER))
    policy = build.compile_policy(session.config, name, marked)
    raise_all(f"profile {name}", preflight.faults(session.config, name, policy))
    settings: dict[str, object] = {}
    if cliproxy.is_configured(session.config):
        from flowgate.domain import Sourced

        stack = build.build(session.config, Sourced(name, "typed"), marked)
        settings = yaml.safe_load(stack.services[cliproxy.NAME].documents[0].text)
    return ProfileFacts(name, policy.promises.waits.quiet, settings)


def _southbound_faults(session: Session) -> Iterator[FlowGateError]:
    if not cliproxy.is_configured(session.config):
        return
    context = runtime.read_only_context(session, [])
    text, file = cliproxy.own_text(session.config, context.files.read), str(cliproxy.user_config(session.config))
    if text:
        own = draft(text, file)
        yield from southbound_config.faults(own.tree, own.lines, file)


def _readiness(context: StepContext) -> str:
    if not cliproxy.is_configured(context.config):
        return "/"
    return context.stack().services[cliproxy.NAME].readiness_path


def notes(session: Session, kind: str, plan: Plan) -> Iterator[str]:
    """Yield what the exported gateway does otherwise than the one on this machine.

    Args:
        session: The config.
        kind: What is exported.
        plan: What it is made from.
    """
    config = session.config
    if kind == "systemd":
        yield from _shell_variables(session)
        return
    local = [f"'{name}'" for name in NOT_EXPORTED if any(path.split(".")[0] == name for path in config.places)]
    if local:
        yield f"not exported, since it belongs to this machine: {', '.join(local)}"
    workers = config.services["litellm"].workers
    if workers != 1:
        yield f"{config.place('services.litellm.workers')}: one worker in each container; more gateways take its place"
    if plan.gateways > 1 and plan.redis is None and kind == "kubernetes":
        yield "without --redis each gateway counts failures and keeps cooldowns by itself"
    if config.budgets:
        yield f"{config.place('budgets')}: each gateway counts only what it serves itself"


def _shell_variables(session: Session) -> Iterator[str]:
    """Yield the variables that only this shell has, and that a service manager does not know."""
    variables = runtime.read_only_context(session, []).variables
    for name in dict.fromkeys(one.name for one in session.config.references):
        file = variables.file(name)
        if session.environment.get(name) and not (files.read_text_or_none(file) or "").strip():
            yield f"{name} is set in this shell only, which systemd does not have: write it to {file} (mode 0600)"
    proxies = [name for name in INHERITED_VARIABLES if name not in ALWAYS_SET and session.environment.get(name)]
    if proxies:
        yield f"systemd does not have these variables of this shell, set them by a drop-in: {', '.join(proxies)}"

"""CLIProxyAPIPlus: its config file, made from the user's, and its program.

Source: v6.8.16-0: `auth-dir` must be absolute (else it depends on the working folder), `port` and `request-retry` have
no defaults in its code, an empty `host` listens on all interfaces, an empty `api-keys` opens the proxy to everybody, a
plaintext `secret-key` makes it rewrite its file, and its file watcher stops when the file is replaced by a rename.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, cast

from flowgate.config.overlay import overlay
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway import upstream_command, upstream_environment, upstream_overrides, usage_source
from flowgate.gateway.serialization import absolute, dump, name_program, short_digest

if TYPE_CHECKING:
    from flowgate.domain import Config, Program, Reference, Secret, Service, UpstreamSettings
    from flowgate.gateway.upstream_settings import OwnSettings

NAME, EMBEDDED = upstream_command.NAME, upstream_command.EMBEDDED
UPSTREAM_KEY = "UPSTREAM_API_KEY"
EMBEDDED_LABEL = "embedded"  # of a generation of it: the config that it was started with
MANAGEMENT_KEY = "MANAGEMENT_KEY"
TYPICAL = ("api-keys", "auth-dir", "remote-management")  # names that only a config of CLIProxyAPIPlus has
PENDING_KEY = "sk-to-be-generated"


def service(
    config: Config,
    port: int,
    key: Secret | None,
    own: OwnSettings,
    models: tuple[str, ...],
    policy: UpstreamSettings,
    readiness: str,
) -> Service:
    """Describe CLIProxyAPIPlus, or the embedded upstream in its place.

    Args:
        config: The config.
        port: The port in use.
        key: The key that LiteLLM sends; None while it has not been generated.
        own: The user's own CLIProxyAPIPlus config; kept, except for what its notes say.
        models: The model names that LiteLLM requests; the embedded upstream serves only these.
        policy: The settings that the profile determines.
        readiness: The path that reports readiness.
    """
    from flowgate.domain import Document, Service

    tree = _settings(config, port, key, own.settings, policy)
    if models and is_embedded(config):
        tree["embedded"] = {"models": list(models)}
    text = _header(own) + dump(tree)
    path = config.paths.runtime_dir / "cliproxyapi.yaml"
    settings = config.services[NAME]
    return Service(
        name=NAME,
        program=_program(config, port, (path, text), tree, readiness),
        documents=(Document(path, text, short_digest(text), in_place=True),),
        needs=_needs(config),
        after=settings.depends_on,
        readiness_path=readiness,
        health_path=settings.health_path or readiness,
    )


def _header(own: OwnSettings) -> str:
    """Return comments that say what is changed, so that a change of the user's that has no effect is rendered too."""
    lines = [f"# Written by FlowGate, in place. Change {own.file or 'config/cliproxyapi.yaml'}, not this file."]
    lines += [f"# {line}" for line in [*own.notes, *own.warnings]]
    return "".join("".join(c if c.isprintable() else repr(c)[1:-1] for c in line) + "\n" for line in lines)


def _program(config: Config, port: int, document: tuple[Path, str], tree: UpstreamSettings, readiness: str) -> Program:
    from flowgate.domain import Program, Secret

    settings = config.services[NAME]
    argv = (str(binary(config)), *upstream_command.read(config).kept, "-config", str(document[0]))
    env = {"WRITABLE_PATH": str(config.paths.runtime_dir / "work" / NAME), "PYTHONUNBUFFERED": "1"}
    return Program(
        service=NAME,
        argv=argv,
        # A separate folder, because the program loads a `.env` of its working folder.
        cwd=config.paths.runtime_dir / "work" / NAME,
        env={name: Secret(value) for name, value in env.items()},
        app=None,
        host=settings.host,
        port=port,
        readiness_path=readiness,
        log=log_file(config),
        documents=(document,),
        labels={EMBEDDED_LABEL: str(config.file)} if is_embedded(config) else {},
        # The program reloads its file: the digest contains only what needs a restart.
        digest=name_program(argv, (settings.host, port), _restart_settings(tree), env, settings.env),
        ready_timeout=settings.ready_timeout,
        restart=settings.restart,
        claimed_folders=() if is_embedded(config) else (Path(tree["auth-dir"]),),
        usage_source=usage_source.describe(config),
        answers_pings=True,
    )


def _restart_settings(tree: UpstreamSettings) -> str:
    """Return the settings that the program reads only when it starts."""
    return tree["auth-dir"] + (" without request logs" if tree.get("commercial-mode") else "")


def is_configured(config: Config) -> bool:
    """Return whether the gateway has a CLIProxyAPIPlus; without one, LiteLLM calls the providers itself."""
    return upstream_command.is_configured(config)


def is_embedded(config: Config) -> bool:
    """Return whether the embedded upstream runs in place of CLIProxyAPIPlus."""
    return is_configured(config) and Path(config.services[NAME].args[0]).name == EMBEDDED


def binary(config: Config) -> Path:
    """Return the absolute path of the program."""
    settings = config.services[NAME]
    return absolute(settings.cwd or config.root, settings.args[0])


def user_config(config: Config) -> Path | None:
    """Return the path of the user's own CLIProxyAPIPlus config, if the command line names one."""
    return upstream_command.read(config).own_config


def request_log_folder(config: Config) -> Path:
    """Return the folder in which the program writes requests, if it does."""
    return upstream_environment.log_folder(config)


def own_text(config: Config, read: Callable[[Path], str | None]) -> str | None:
    """Read the user's own CLIProxyAPIPlus config.

    Args:
        config: The config.
        read: Reads a regular file; returns None if it does not exist.

    Returns:
        Its text; None if the command line names no such config.

    Raises:
        UsageError: It does not exist, or is not a regular text file.
    """
    command = upstream_command.read(config)
    if command.own_config is None:
        return None
    try:
        text = read(command.own_config)
    except UsageError as error:
        raise UsageError(f"the CLIProxyAPIPlus config {error.what}", place=command.config_place) from None
    if text is None:
        what = f"the CLIProxyAPIPlus config {command.own_config} does not exist"
        fix = "correct the path, or remove -config from services.cliproxyapi_plus.command.args"
        if "~" in command.own_config.parts:
            fix = "write the whole path: only a shell replaces ~"
        raise UsageError(what, place=command.config_place, fix=fix)
    return text


def unnamed_config(config: Config, read: Callable[[Path], str | None]) -> str:
    """Return the config that the program reads without `-config`, if there is one that FlowGate does not read.

    Args:
        config: The config.
        read: Reads a regular file; returns None if it does not exist.

    Source: v6.8.16-0, cmd/server/main.go: `config.yaml` in the working folder.
    """
    if not is_configured(config):
        return ""
    path = (config.services[NAME].cwd or config.root) / "config.yaml"
    if upstream_command.read(config).own_config or path == config.file:
        return ""
    try:
        text = read(path) or ""
    except FlowGateError:  # the program could not read it either
        return ""
    return str(path) if any(re.search(rf"^{name}\s*:", text, re.MULTILINE) for name in TYPICAL) else ""


def log_file(config: Config) -> Path:
    """Return the path of the program's log.

    Args:
        config: The config.
    """
    return config.paths.runtime_dir / "process-logs" / f"{NAME}.log"


def auth_folder(config: Config) -> Path:
    """Return the folder of the account files: `auths` beside the runtime folder."""
    return config.paths.runtime_dir.parent / "auths"


def _settings(
    config: Config, port: int, key: Secret | None, own: UpstreamSettings, policy: UpstreamSettings
) -> UpstreamSettings:
    made = cast("dict[str, object]", overlay(own, policy))
    for path, value in upstream_overrides.forced(config, port, auth_folder(config), own).items():
        head, _, tail = path.partition(".")
        section = made.get(head)
        made[head] = {**(section if isinstance(section, dict) else {}), tail: value} if tail else value
    made["api-keys"] = upstream_overrides.client_keys(own, key.reveal() if key else PENDING_KEY)
    return cast("UpstreamSettings", made)


def _needs(config: Config) -> tuple[Reference, ...]:
    return tuple(one for one in config.references if one.path.startswith(f"services.{NAME}.env."))


def embedded_runner(python: Path) -> str:
    """Return the text of the script that starts the embedded upstream.

    Args:
        python: The environment's interpreter, absolute.
    """
    return (
        "#!/bin/sh\n"
        "# Written by FlowGate: its embedded upstream, in place of CLIProxyAPIPlus. Not a provider.\n"
        "unset PYTHONDONTWRITEBYTECODE\n"
        f'exec {quote(str(python))} -m flowgate.embedded_upstream "$@"\n'
    )

"""CLIProxyAPIPlus: its config file, made from the user's, and its program.

Source: v6.8.16-0: `auth-dir` must be absolute (else it depends on the working folder), `port` and `request-retry` have
no defaults in its code, an empty `host` listens on all interfaces, an empty `api-keys` opens the proxy to everybody, a
plaintext `secret-key` makes it rewrite its file, and its file watcher stops when the file is replaced by a rename.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, cast

from flowgate.config.overlay import overlay
from flowgate.errors import UsageError
from flowgate.gateway.serialization import absolute, dump, name_program, short_digest

if TYPE_CHECKING:
    from flowgate.domain import Config, Program, Reference, Secret, Service, UpstreamSettings

NAME = "cliproxyapi_plus"
EMBEDDED = "embedded-upstream"
UPSTREAM_KEY = "UPSTREAM_API_KEY"
MANAGEMENT_KEY = "MANAGEMENT_KEY"
CONFIG_FLAGS = ("-config", "--config")
PENDING_KEY = "sk-to-be-generated"


def service(
    config: Config,
    port: int,
    key: Secret | None,
    own: UpstreamSettings,
    models: tuple[str, ...],
    policy: UpstreamSettings,
    readiness: str,
) -> Service:
    """Describe CLIProxyAPIPlus, or the embedded upstream in its place.

    Args:
        config: The config.
        port: The port in use.
        key: The key that LiteLLM sends; None while it has not been generated.
        own: The user's own CLIProxyAPIPlus config; kept, except for keys that would open the proxy.
        models: The model names that LiteLLM requests; the embedded upstream serves only these.
        policy: The settings that the profile determines.
        readiness: The path that reports readiness.
    """
    from flowgate.domain import Document, Service

    tree = _settings(config, port, key, overlay(own, policy), models if is_embedded(config) else ())
    text = "# Written by FlowGate, in place. Change config/cliproxyapi.yaml, not this file.\n" + dump(tree)
    path = config.paths.runtime_dir / "cliproxyapi.yaml"
    settings = config.services[NAME]
    return Service(
        name=NAME,
        program=_program(config, port, (path, text), tree["auth-dir"], readiness),
        documents=(Document(path, text, short_digest(text), in_place=True),),
        needs=_needs(config),
        after=settings.depends_on,
        readiness_path=readiness,
        health_path=settings.health_path or readiness,
    )


def _program(config: Config, port: int, document: tuple[Path, str], auth_dir: str, readiness: str) -> Program:
    from flowgate.domain import Program, Secret

    settings = config.services[NAME]
    argv = (str(binary(config)), *_without_config(settings.args[1:]), "-config", str(document[0]))
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
        log=config.paths.runtime_dir / "process-logs" / f"{NAME}.log",
        documents=(document,),
        labels={"embedded": "yes"} if is_embedded(config) else {},
        # The program reloads its file: the digest contains only what needs a restart.
        digest=name_program(argv, (settings.host, port), auth_dir, env, settings.env),
        ready_timeout=settings.ready_timeout,
        restart=settings.restart,
    )


def is_embedded(config: Config) -> bool:
    """Return whether the embedded upstream runs in place of CLIProxyAPIPlus."""
    return Path(config.services[NAME].args[0]).name == EMBEDDED


def binary(config: Config) -> Path:
    """Return the absolute path of the program."""
    settings = config.services[NAME]
    return absolute(settings.cwd or config.root, settings.args[0])


def user_config(config: Config) -> Path | None:
    """Return the path of the user's own CLIProxyAPIPlus config, if the command line names one."""
    settings = config.services[NAME]
    for flag, value in zip(settings.args, settings.args[1:], strict=False):
        if flag in CONFIG_FLAGS:
            return absolute(settings.cwd or config.root, value)
    return None


def auth_folder(config: Config) -> Path:
    """Return the folder of the account files: `auths` beside the runtime folder."""
    return config.paths.runtime_dir.parent / "auths"


def _settings(
    config: Config, port: int, key: Secret | None, settings: UpstreamSettings, models: tuple[str, ...]
) -> UpstreamSettings:
    remote = dict(settings.get("remote-management") or {})
    remote |= {"allow-remote": False, "secret-key": "", "disable-control-panel": True}
    settings["host"] = config.services[NAME].host
    settings["port"] = port
    settings["auth-dir"] = str(auth_folder(config))
    settings["api-keys"] = [key.reveal() if key else PENDING_KEY]
    settings["remote-management"] = remote
    if models:
        settings["embedded"] = {"models": list(models)}
    return settings


def read_user_config(config: Config, text: str | None) -> UpstreamSettings:
    """Parse the user's own CLIProxyAPIPlus config; empty if there is none.

    Args:
        config: The config, which names the file.
        text: The text of the file.

    Raises:
        UsageError: The text is not YAML, or not a mapping.
    """
    if not text:
        return {}
    import yaml

    try:
        tree = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"{user_config(config)}:{mark.line + 1}" if mark else str(user_config(config))
        raise UsageError("the CLIProxyAPIPlus config is not YAML", place=place, fix="correct that line") from None
    if not isinstance(tree, dict):
        raise UsageError("the CLIProxyAPIPlus config must be a mapping", place=str(user_config(config)))
    return cast("UpstreamSettings", tree)


def _without_config(args: tuple[str, ...]) -> tuple[str, ...]:
    kept: list[str] = []
    skip = False
    for word in args:
        if skip:
            skip = False
        elif word in CONFIG_FLAGS:
            skip = True
        elif not word.startswith(tuple(f"{flag}=" for flag in CONFIG_FLAGS)):
            kept.append(word)
    return tuple(kept)


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

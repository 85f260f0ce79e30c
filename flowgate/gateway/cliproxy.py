"""What CLIProxyAPIPlus needs: its config written from the user's, and its program.

Source: facts on v6.8.16-0: `auth-dir` must be absolute (else it depends on the working folder), `port` and
`request-retry` have no defaults in its code, an empty `host` listens on all interfaces, an empty `api-keys` opens the
proxy, a plaintext `secret-key` makes it rewrite its file, and its watcher loses the file when it is renamed over.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from flowgate.config.overlay import overlay
from flowgate.errors import UsageError
from flowgate.gateway.serialization import absolute, dump, name_program, short_digest

if TYPE_CHECKING:
    from flowgate.domain import Config, Reference, Secret, Service, Tree

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
    own: Tree,
    upstream_models: tuple[str, ...],
    policy: Tree,
    readiness: str,
) -> Service:
    """Put CLIProxyAPIPlus, or the embedded upstream in its place, on paper.

    Args:
        key: The key that LiteLLM will show; None while it has not been generated.
        own: The user's own config, when the command line names one; its keys are kept where they do no harm.
        southbound: The model ids that LiteLLM will ask for; the embedded upstream answers just these.
        policy: Who benches and who retries, as the profile needs it.
        readiness: The address that says that it is ready.
    """
    from flowgate.domain import Document, Program, Secret, Service

    settings = config.services[NAME]
    embedded = is_embedded(config)
    tree = _tree(config, port, key, overlay(own, policy), upstream_models if embedded else ())
    head = "# Written by FlowGate, in place. Change config/cliproxyapi.yaml, not this one.\n"
    text = head + dump(tree)
    path = config.paths.runtime_dir / "cliproxyapi.yaml"
    document = Document(path, text, short_digest(text), in_place=True)
    argv = (str(binary(config)), *_without_config(settings.args[1:]), "-config", str(path))
    address = (settings.host, port)
    env = {"WRITABLE_PATH": str(config.paths.runtime_dir / "work" / NAME), "PYTHONUNBUFFERED": "1"}
    program = Program(
        service=NAME,
        argv=argv,
        # A folder of its own: the program loads a `.env` of its working folder.
        cwd=config.paths.runtime_dir / "work" / NAME,
        env={name: Secret(value) for name, value in env.items()},
        app=None,
        host=address[0],
        port=address[1],
        readiness_path=readiness,
        log=config.paths.runtime_dir / "process-logs" / f"{NAME}.log",
        documents=((path, text),),
        labels={"embedded": "yes"} if embedded else {},
        # Its document is reread while it runs: only what needs a restart names the program.
        digest=name_program(argv, address, str(tree.get("auth-dir")), env, settings.env),
        ready_timeout=settings.ready_timeout,
        restart=settings.restart,
    )
    return Service(
        name=NAME,
        program=program,
        documents=(document,),
        needs=_needs(config),
        after=settings.depends_on,
        readiness_path=readiness,
        health_path=settings.health_path or readiness,
    )


def is_embedded(config: Config) -> bool:
    """Say whether the embedded upstream stands in for CLIProxyAPIPlus."""
    return Path(config.services[NAME].args[0]).name == EMBEDDED


def binary(config: Config) -> Path:
    """Say which program is to be started, absolute."""
    settings = config.services[NAME]
    return absolute(settings.cwd or config.root, settings.args[0])


def user_config(config: Config) -> Path | None:
    """Say which config of the user's own the command line names."""
    settings = config.services[NAME]
    for flag, value in zip(settings.args, settings.args[1:], strict=False):
        if flag in CONFIG_FLAGS:
            return absolute(settings.cwd or config.root, value)
    return None


def auth_folder(config: Config) -> Path:
    """Say where auth files lie: `auths` beside the runtime folder."""
    return config.paths.runtime_dir.parent / "auths"


def _tree(config: Config, port: int, key: Secret | None, tree: Tree, models: tuple[str, ...]) -> Tree:
    remote = dict(tree.get("remote-management") or {})
    remote |= {"allow-remote": False, "secret-key": "", "disable-control-panel": True}
    tree |= {
        "host": config.services[NAME].host,
        "port": port,
        "auth-dir": str(auth_folder(config)),
        "api-keys": [key.reveal() if key else PENDING_KEY],
        "remote-management": remote,
    }
    if models:
        tree["embedded"] = {"models": list(models)}
    return tree


def read_user_config(config: Config, text: str | None) -> Tree:
    """Read the user's own config; empty when there is none.

    Raises:
        UsageError: One that is no YAML, or no mapping.
    """
    if not text:
        return {}
    import yaml

    try:
        tree = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"{user_config(config)}:{mark.line + 1}" if mark else str(user_config(config))
        raise UsageError("the CLIProxyAPIPlus config is no YAML", place=place, fix="mend that line") from None
    if not isinstance(tree, dict):
        raise UsageError("the CLIProxyAPIPlus config must be a mapping", place=str(user_config(config)))
    return tree


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
    own = [r for r in config.references if r.path.startswith(f"services.{NAME}.env.")]
    return tuple(own)


def embedded_runner(python: Path) -> str:
    """Write the runner of the embedded upstream.

    Args:
        python: The environment's interpreter, absolute.
    """
    return (
        "#!/bin/sh\n"
        "# Written by FlowGate: its embedded upstream, in place of CLIProxyAPIPlus. Not a provider.\n"
        "unset PYTHONDONTWRITEBYTECODE\n"
        f'exec {quote(str(python))} -m flowgate.embedded_upstream "$@"\n'
    )

"""What LiteLLM needs: its document, its program, and the runner it is started through."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any

from flowgate.config.overlay import overlay
from flowgate.domain import Config, Document, ForkServerSettings, Program, Reference, Secret, Service, Tree
from flowgate.gateway.serialization import absolute, dump, name_program, short_digest
from flowgate.gateway.warmup_requests import warmup

NAME = "litellm"
UPSTREAM = "cliproxyapi_plus"
APP = "litellm.proxy.proxy_server:app"
IMPORTS = ("litellm.proxy.proxy_server", "uvicorn.lifespan.on", "flowgate.supervisor.worker_server")
FORK_GUARD = "litellm.rust_bridge.fork_guard:reserve_process_for_forking"  # refuses when native threads already run
GENERATION_FLAG = "--flowgate-generation"
MASTER_KEY = "LITELLM_MASTER_KEY"
CONFIG = "CONFIG_FILE_PATH"  # the variable that names its document
QUERIES = {"cooldowns": "flowgate.gateway.cooldowns:active"}
READINESS = "/health/readiness"
LIVENESS = "/health/liveliness"
PREFIX = "os.environ/"

# What our LiteLLM runs with, whatever the user's shell says.
FIXED_ENV = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it downloads a price list at import: three tries with sleeps offline
    "LITELLM_MODE": "PRODUCTION",  # else it loads a `.env` of its working folder
    "OPENBLAS_NUM_THREADS": "1",  # else numpy starts threads at import, and only one survives a fork
    "NO_PROXY": "127.0.0.1,localhost,::1",  # the upstream is local, whatever HTTP_PROXY says
    "PYTHONUNBUFFERED": "1",
}


def service(config: Config, profile: str, tree: Tree, ports: dict[str, int]) -> Service:
    """Put LiteLLM on paper for one profile."""
    settings = config.services[NAME]
    document = _document(config, profile, tree, ports)
    cwd = settings.cwd or config.root
    argv = tuple(_absolute(cwd, word) if i == 0 else word for i, word in enumerate(settings.args))
    ours = argv[0] == str(runner_path(config))
    active = str(config.paths.active_config)
    argv = (
        (argv[0], GENERATION_FLAG)
        if ours
        else (argv[0], *(str(document.path) if _absolute(cwd, word) == active else word for word in argv[1:]))
    )
    env = {**FIXED_ENV, CONFIG: str(document.path)}
    readiness = settings.readiness_path or READINESS
    address = (settings.host, ports[NAME])
    program = Program(
        service=NAME,
        argv=argv,
        cwd=config.paths.runtime_dir / "work" / NAME if ours else cwd,
        env={name: Secret(value) for name, value in env.items()},
        app=APP if ours else None,
        host=address[0],
        port=address[1],
        readiness_path=readiness,
        log=config.paths.runtime_dir / "process-logs" / f"{NAME}.log",
        documents=((document.path, document.text),),
        labels={"profile": profile, "config": str(config.file), "document": document.digest},
        digest=name_program(argv, address, document.digest, env, settings.env),
        ready_timeout=settings.ready_timeout,
        drain_timeout=settings.drain_timeout,
        max_memory=settings.max_memory,
        recorded_headers=("x-litellm-",),
        hold_while_down=_stands_on(config, tree),
        queries=QUERIES if ours else {},
        hold_timeout=settings.hold_timeout,
        restart=settings.restart,
        fork_server=ForkServerSettings(IMPORTS, FORK_GUARD, tuple(FIXED_ENV), warmup=warmup(CONFIG)) if ours else None,
    )
    return Service(
        name=NAME,
        program=program,
        documents=(document,),
        needs=_needs(config, profile, tree),
        after=settings.depends_on,
        readiness_path=readiness,
        health_path=settings.health_path or LIVENESS,
    )


def _document(config: Config, profile: str, tree: Tree, ports: dict[str, int]) -> Document:
    tree = overlay(tree, {})
    general = tree.setdefault("general_settings", {})
    general.setdefault("master_key", PREFIX + MASTER_KEY)
    for entry in tree.get("model_list", ()):
        params = entry.get("litellm_params", {})
        if uses_upstream(config, params):
            params["api_base"] = _moved(config, str(params["api_base"]), ports)
    head = f"# Written by FlowGate for profile '{profile}' of {config.file}. Change that file, not this one.\n"
    text = head + dump(tree)
    digest = short_digest(text)
    return Document(config.paths.runtime_dir / f"litellm-{digest}.yaml", text, digest)


def uses_upstream(config: Config, params: dict[str, Any]) -> bool:
    """Say whether a deployment is asked through CLIProxyAPIPlus."""
    from urllib.parse import urlsplit

    south = config.services["cliproxyapi_plus"]
    try:
        base = urlsplit(str(params.get("api_base") or ""))
        port = base.port
    except ValueError:  # no address, or a port that is no number: LiteLLM will say so
        return False
    return port == south.port and base.hostname in (south.host, "localhost", "127.0.0.1")


def _moved(config: Config, api_base: str, ports: dict[str, int]) -> str:
    old, new = config.services["cliproxyapi_plus"].port, ports["cliproxyapi_plus"]
    return api_base.replace(f":{old}", f":{new}", 1)


def without_provider(model: object) -> str:
    """Give the name by which a deployment's model is asked for: `openai/gpt-5` → `gpt-5`."""
    return str(model).partition("/")[2] or str(model)


def upstream_models(config: Config, tree: Tree) -> tuple[str, ...]:
    """Name the model ids that LiteLLM asks CLIProxyAPIPlus for ("openai/gpt-5" asks for "gpt-5")."""
    names = []
    for entry in tree.get("model_list", ()):
        params = entry.get("litellm_params", {})
        if uses_upstream(config, params):
            names.append(without_provider(params.get("model", "")))
    return tuple(dict.fromkeys(names))


def _needs(config: Config, profile: str, tree: Tree) -> tuple[Reference, ...]:
    """Name the variables that this profile's document uses."""
    roots = ("litellm_base", f"profiles.{profile}", f"services.{NAME}.env")
    found = [r for r in config.references if any(r.path == root or r.path.startswith(root + ".") for root in roots)]
    if "model_list" in config.profiles[profile]:  # it replaces the base's list whole
        found = [r for r in found if not r.path.startswith("litellm_base.model_list.")]
    if "master_key" not in (tree.get("general_settings") or {}):
        found.append(Reference(MASTER_KEY, "general_settings.master_key", config.place("litellm_base")))
    return tuple(found)


def optional(config: Config, tree: Tree, reference: Reference) -> bool:
    """Say whether a variable belongs to a model that the profile can do without.

    The first model of the list and every model that a fallback or an alias names are needed; the others are not.
    """
    head, _, rest = reference.path.partition("model_list.")
    index, _, _ = rest.partition(".")
    models = tree.get("model_list") or []
    if not head or not index.isdigit() or int(index) >= len(models):
        return False
    return models[int(index)].get("model_name") not in _needed(tree)


def _needed(tree: Tree) -> set[str]:
    models = tree.get("model_list") or []
    needed = {models[0].get("model_name")} if models else set()
    for section in ("router_settings", "litellm_settings"):
        settings = tree.get(section) or {}
        for chain in settings.get("fallbacks") or ():
            for source, targets in chain.items():
                needed |= {source, *(one.get("model") if isinstance(one, dict) else one for one in targets)}
        for target in (settings.get("model_group_alias") or {}).values():
            needed.add(target if isinstance(target, str) else target.get("model"))
    return {name for name in needed if isinstance(name, str)}


def master_key_setting(config: Config, profile: str) -> str:
    """Give what `general_settings.master_key` says under a profile: a text, or an `os.environ/` reference."""
    tree = overlay(config.litellm_base, config.profiles[profile])
    return str((tree.get("general_settings") or {}).get("master_key") or PREFIX + MASTER_KEY)


def runner_path(config: Config) -> Path:
    """Say where the runner lies."""
    return config.paths.runtime_dir / "bin" / "litellm"


def runner(python: Path) -> str:
    """Write the runner: LiteLLM from FlowGate's locked environment, by hand or as a generation of the keeper.

    Args:
        python: The environment's interpreter, absolute.
    """
    return (
        "#!/bin/sh\n"
        "# Written by FlowGate: runs LiteLLM from its locked environment.\n"
        "# `litellm --config FILE` as usual; with the flag below it serves as a generation of the keeper.\n"
        "unset PYTHONDONTWRITEBYTECODE\n"
        f'if [ "${{1:-}}" = "{GENERATION_FLAG}" ]; then\n'
        "    shift\n"
        f'    exec {quote(str(python))} -m flowgate.supervisor.worker "$@"\n'
        "fi\n"
        f'exec {quote(str(python))} -c "from litellm import run_server; run_server()" "$@"\n'
    )


def _absolute(cwd: Path, word: str) -> str:
    return str(absolute(cwd, word)) if "/" in word else word


def _stands_on(config: Config, tree: Tree) -> tuple[str, ...]:
    """Name the services without which the models of this profile do not answer."""
    return (UPSTREAM,) if upstream_models(config, tree) else ()

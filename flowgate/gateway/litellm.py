"""LiteLLM: its config file, its program, and the script that starts it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from flowgate.config.overlay import overlay
from flowgate.domain import (
    Config,
    Document,
    ForkServerSettings,
    LiteLLMEnvironment,
    LiteLLMSettings,
    Program,
    Reference,
    Secret,
    Service,
)
from flowgate.domain.ledger import FILE_NAME, LedgerFile
from flowgate.gateway import (
    budgets,
    cooldown_reads,
    litellm_environments,
    litellm_runner,
    name_settings,
    own_modules,
    remote_upstream,
    runner_flags,
    shared_deployments,
    upstream_deployments,
    web_pages,
    worker_counts,
)
from flowgate.gateway.model_names import ModelNames
from flowgate.gateway.serialization import absolute, comment_text, dump, name_program, short_digest
from flowgate.gateway.warmup_requests import warmup

NAME = "litellm"
UPSTREAM = "cliproxyapi_plus"
APP = "litellm.proxy.proxy_server:app"
IMPORTS = (
    "litellm.proxy.proxy_server",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "flowgate.supervisor.worker_server",
    "flowgate.supervisor.shared_places",
    "flowgate.supervisor.shared_quotas",
    "flowgate.gateway.inside",
)
FORK_GUARD = "litellm.rust_bridge.fork_guard:reserve_process_for_forking"  # raises if native threads are running
VERSION_LABEL = "litellm"  # label of a generation: LiteLLM's version
MASTER_KEY = "LITELLM_MASTER_KEY"
CONFIG = "CONFIG_FILE_PATH"  # the environment variable that names LiteLLM's config file
QUERIES = {"cooldowns": "flowgate.gateway.cooldowns:active"}
HOOKS = {
    "set_up": "flowgate.gateway.inside:set_up",
    "upstream_changed": "flowgate.gateway.inside:clear_cooldowns",
}
READINESS = "/health/readiness"
LIVENESS = "/health/liveliness"
PREFIX = "os.environ/"

# Environment variables of LiteLLM; they override those of the user's shell.
FIXED_ENV = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it downloads a price list at import, with retries when offline
    "LITELLM_OFFLINE_MODE": "true",  # else LiteLLM 1.109 and later download catalogues and tokenizers by themselves
    "LITELLM_MODE": "PRODUCTION",  # else it loads a `.env` of its working folder
    "OPENBLAS_NUM_THREADS": "1",  # else numpy starts threads at import, and only one survives a fork
    "PYTHONUNBUFFERED": "1",
}


def service(
    config: Config,
    profile: str,
    settings: LiteLLMSettings,
    ports: dict[str, int],
    modules: Mapping[str, str] | None = None,
    environment: LiteLLMEnvironment | None = None,
) -> Service:
    """Describe LiteLLM under one profile.

    Args:
        config: The config.
        profile: The profile's name.
        settings: LiteLLM's settings under this profile.
        ports: The port in use of each service.
        modules: Modules beside the config that the settings name, each with the digest of its text.
        environment: The environment from which it runs; None for the one that came with FlowGate.
    """
    own = config.services[NAME]
    document = _document(config, profile, settings, ports)
    documents = (document, *own_modules.loaders(config, settings, modules or {}))
    labels = {"profile": profile, "config": str(config.file), "document": document.digest}
    program = replace(
        _program(config, ports[NAME], documents, environment),
        labels=labels | _environment_labels(config, environment),
        hold_while_down=(UPSTREAM,) if upstream_deployments.any_through_upstream(config, settings) else (),
        needed_addresses=upstream_deployments.addresses(config, ports),
        ledger=_ledger(config),
        budgets=budgets.plan(config),
    )
    return Service(
        name=NAME,
        program=program,
        documents=documents,
        needs=_needs(config, profile, settings),
        after=own.depends_on,
        readiness_path=own.readiness_path or READINESS,
        health_path=own.health_path or LIVENESS,
    )


def _ledger(config: Config) -> LedgerFile | None:
    settings = config.ledger
    if not settings.enabled or not litellm_runner.uses_runner(config):
        return None
    return LedgerFile(config.paths.runtime_dir / FILE_NAME, settings.keep_days, settings.max_mb)


def _environment_labels(config: Config, environment: LiteLLMEnvironment | None) -> dict[str, str]:
    if environment is None or not litellm_runner.uses_runner(config):
        return {}
    return {VERSION_LABEL: environment.version, litellm_environments.LABEL: environment.name}


def _program(
    config: Config, port: int, documents: tuple[Document, ...], environment: LiteLLMEnvironment | None
) -> Program:
    own = config.services[NAME]
    argv, is_runner = _argv(config, documents[0].path, environment)
    fixed = {**FIXED_ENV, **web_pages.switches(own.env), **cooldown_reads.variables(config)}
    env = {**fixed, CONFIG: str(documents[0].path), **(runner_flags.variables(config) if is_runner else {})}
    fork_server = ForkServerSettings(IMPORTS, FORK_GUARD, tuple(fixed), warmup=warmup(CONFIG))
    parts = [*(one.digest for one in documents), json.dumps(config.ledger)]
    digest = "-".join([*parts, *budgets.digest(config), *worker_counts.identity(config)])
    return Program(
        service=NAME,
        argv=argv,
        cwd=own.cwd or config.root,  # LiteLLM resolves relative paths of its settings against it
        env={name: Secret(value) for name, value in env.items()},
        app=APP if is_runner else None,
        host=own.host,
        port=port,
        readiness_path=own.readiness_path or READINESS,
        log=config.paths.runtime_dir / "process-logs" / f"{NAME}.log",
        documents=tuple((one.path, one.text) for one in documents),
        labels={},
        digest=name_program(argv, (own.host, port), digest, env, own.env),
        ready_timeout=own.ready_timeout,
        drain_timeout=own.drain_timeout,
        max_memory=own.max_memory,
        workers=worker_counts.workers(config),
        recorded_headers=("x-litellm-",),
        queries=QUERIES if is_runner else {},
        hooks=HOOKS if is_runner else {},
        hold_timeout=own.hold_timeout,
        restart=own.restart,
        fork_server=fork_server if is_runner else None,
    )


def _argv(config: Config, document: Path, environment: LiteLLMEnvironment | None) -> tuple[tuple[str, ...], bool]:
    """Return the command line, and whether it is the runner script, which serves generations of the supervisor."""
    own = config.services[NAME]
    if litellm_runner.uses_runner(config):
        return (str(litellm_runner.runner_path(config, environment)), litellm_runner.GENERATION_FLAG), True
    program, *flags = own.args
    program = str(absolute(own.cwd or config.root, program))
    return (program, *(_with_document(config, word, document) for word in flags)), False


def names_active_config(config: Config, word: str) -> bool:
    """Return whether a word of LiteLLM's command line is the active config, or a flag with it: `--config=PATH`.

    Args:
        config: The config.
        word: The word.
    """
    own = config.services[NAME]
    _, equals, value = word.partition("=")
    paths = (word, value) if equals and word.startswith("-") else (word,)
    return any(absolute(own.cwd or config.root, one) == config.paths.active_config for one in paths)


def _with_document(config: Config, word: str, document: Path) -> str:
    if not names_active_config(config, word):
        return word
    head, equals, _ = word.partition("=")
    return f"{head}={document}" if equals and word.startswith("-") else str(document)


def _document(config: Config, profile: str, settings: LiteLLMSettings, ports: dict[str, int]) -> Document:
    settings = overlay(shared_deployments.with_ids(config, settings), {})
    general = settings.setdefault("general_settings", {})
    if general.get("master_key") is None:
        general["master_key"] = PREFIX + MASTER_KEY
    upstream_deployments.move_port(config, settings, ports)
    head = f"# Written by FlowGate for profile '{profile}' of {config.file}. Change that file, not this one."
    text = f"{comment_text(head)}\n{dump(settings)}"
    digest = short_digest(text)
    return Document(config.paths.runtime_dir / f"litellm-{digest}.yaml", text, digest)


def _needs(config: Config, profile: str, settings: LiteLLMSettings) -> tuple[Reference, ...]:
    """Return the environment variables that this profile's config file uses."""
    roots = ("litellm_base", f"profiles.{profile}", f"services.{NAME}.env")
    found = [r for r in config.references if any(r.path == root or r.path.startswith(root + ".") for root in roots)]
    if "model_list" in config.profiles[profile]:  # it replaces the whole list of the base
        found = [r for r in found if not r.path.startswith("litellm_base.model_list.")]
    found = [r for r in found if r.name not in config.services[NAME].env or r.path.startswith(roots[-1])]
    if (settings.get("general_settings") or {}).get("master_key") is None:
        found.append(Reference(MASTER_KEY, "general_settings.master_key", config.place("litellm_base")))
    return tuple(remote_upstream.needs(config, found, settings))


def optional(config: Config, settings: LiteLLMSettings, reference: Reference) -> bool:
    """Return whether a variable is used only by a model that is neither first in the list nor a fallback or an alias.

    Args:
        config: The config.
        settings: LiteLLM's settings under the profile.
        reference: The reference to the variable.
    """
    head, _, rest = reference.path.partition("model_list.")
    index, _, _ = rest.partition(".")
    models = settings.get("model_list") or []
    known = bool(head) and index.isdigit() and int(index) < len(models)
    return known and models[int(index)]["model_name"] not in needed_models(settings)


def needed_models(settings: LiteLLMSettings) -> set[str]:
    """Return the first model, and every model and pattern behind fallbacks and aliases."""
    names = ModelNames(settings)
    asked = {*names.aliases, *names.library_aliases, *name_settings.mentioned(settings)}
    answers = [answer for name in asked if (answer := names.ask(name))]
    first = {entry["model_name"] for entry in settings.get("model_list", [])[:1]}
    return first | {entry["model_name"] for answer in answers for entry in answer.deployments}


def master_key_setting(config: Config, profile: str) -> str:
    """Return `general_settings.master_key` under a profile: a string, or an `os.environ/` reference."""
    settings = overlay(config.litellm_base, config.profiles[profile])
    return str((settings.get("general_settings") or {}).get("master_key") or PREFIX + MASTER_KEY)

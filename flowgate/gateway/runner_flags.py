"""Flags of LiteLLM's own command line behind FlowGate's runner: honoured, or refused with what replaces them.

FlowGate's worker serves LiteLLM's app itself, so the flags of `litellm` reach nobody. The same holds for the variables
that `litellm` reads in their place.

Source: litellm/proxy/proxy_cli.py, 1.106.2
"""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.domain import Config
from flowgate.errors import FlowGateError, UnknownName, UsageError
from flowgate.gateway.serialization import absolute

SERVICE = "litellm"
LOG_LEVEL = "LITELLM_LOG"
LEVELS = {"--debug": "INFO", "--detailed_debug": "DEBUG"}
NO_VALUE = {"--local"}  # accepted and ignored by LiteLLM itself
NO_EFFECT = "has no effect behind FlowGate's runner"
WORKERS = "write services.litellm.workers: NUMBER"
ONE_LOOP = "a worker of FlowGate is one process with one event loop; remove it"
NO_TLS = "FlowGate serves plain HTTP on loopback; put a TLS proxy in front of it"
OWN_PROGRAM = "remove it, or start another program than FlowGate's runner: args: [PATH/TO/litellm, …]"
REPLACEMENTS = {
    "--request_timeout": "write litellm_base.litellm_settings: {request_timeout: SECONDS}",
    "--drop_params": "write litellm_base.litellm_settings: {drop_params: true}",
    "--add_function_to_prompt": "write litellm_base.litellm_settings: {add_function_to_prompt: true}",
    "--max_budget": "write litellm_base.litellm_settings: {max_budget: NUMBER}",
    "--telemetry": "write litellm_base.litellm_settings: {telemetry: false}",
    **dict.fromkeys(("--num_workers", "--run_gunicorn", "--run_hypercorn", "--run_granian"), WORKERS),
    **dict.fromkeys(("--granian_threads", "--limit_concurrency", "--timeout_worker_healthcheck"), ONE_LOOP),
    **dict.fromkeys(
        ("--max_requests_before_restart", "--max_requests_before_restart_jitter"),
        "write services.litellm.max_memory: a generation that grows over it is replaced without a dropped request",
    ),
    **dict.fromkeys(("--ssl_keyfile_path", "--ssl_certfile_path", "--ciphers"), NO_TLS),
    **dict.fromkeys(
        ("--model", "-m", "--alias", "--api_base", "--api_version", "--temperature", "--max_tokens", "--headers"),
        "write the model into litellm_base.model_list",
    ),
    **dict.fromkeys(
        (
            *("--add_key", "--save", "--use_queue", "--log_config", "--setup", "--version", "-v", "--health", "--test"),
            *("--test_async", "--iam_token_db_auth", "--azure_postgresql_auth", "--num_requests"),
            *("--use_prisma_db_push", "--skip_server_startup", "--validate_config", "--keepalive_timeout"),
            *("--enforce_prisma_migration_check", "--use_v2_migration_resolver", "--use_legacy_migration_resolver"),
            *("--reload", "--prometheus_metrics_port"),
        ),
        OWN_PROGRAM,
    ),
}
# Variables of `litellm` that its command line reads in place of flags, and those that would replace the config file.
VARIABLES = {
    **{
        flag.removeprefix("--").upper(): flag
        for flag in REPLACEMENTS
        if flag
        in (
            *("--num_workers", "--granian_threads", "--ssl_keyfile_path", "--ssl_certfile_path"),
            *("--keepalive_timeout", "--timeout_worker_healthcheck", "--max_requests_before_restart"),
            *("--max_requests_before_restart_jitter", "--limit_concurrency", "--prometheus_metrics_port"),
        )
    },
    "HOST": "--host",
    "PORT": "--port",
    "CONFIG_FILE_PATH": "--config",
    "WORKER_CONFIG": "--config",
    "LITELLM_CONFIG_BUCKET_NAME": "--config",
    "DEBUG": "--debug",
    "DETAILED_DEBUG": "--detailed_debug",
}


def variables(config: Config) -> dict[str, str]:
    """Return the variables that have the effect of the flags."""
    levels = [LEVELS[flag] for flag in config.services[SERVICE].args[1:] if flag in LEVELS]
    return {LOG_LEVEL: max(levels, key=["INFO", "DEBUG"].index)} if levels else {}


def faults(config: Config) -> list[FlowGateError]:
    """List the flags and variables that have no effect behind FlowGate's runner, each with its replacement.

    Args:
        config: The config. LiteLLM's program must be the runner.
    """
    return [*_flag_faults(config), *_variable_faults(config)]


def _flag_faults(config: Config) -> Iterator[FlowGateError]:
    words = list(config.services[SERVICE].args)
    known = [*REPLACEMENTS, *LEVELS, *NO_VALUE, "--config", "--host", "--port"]
    index = 1
    while index < len(words):
        flag, has_value, value = words[index].partition("=")
        place = config.place(f"services.{SERVICE}.command.args.{index}")
        index += 1
        if flag in LEVELS or flag in NO_VALUE:
            continue
        if not has_value and index < len(words) and not words[index].startswith("-"):
            value, index = words[index], index + 1
        if flag in ("-c", "--config", "--host", "--port"):
            yield from _address_faults(config, flag, value, place)
        elif flag in REPLACEMENTS:
            if (flag, value) != ("--num_workers", "1"):
                yield UsageError(
                    f"'{flag}' has no effect behind FlowGate's runner", place=place, fix=REPLACEMENTS[flag]
                )
        elif flag.startswith("-"):
            yield UnknownName("flag of LiteLLM", flag, known=known, at=place)
        else:
            yield UsageError(f"'{flag}' {NO_EFFECT}", place=place, fix="remove it")


def _address_faults(config: Config, flag: str, value: str, place: str) -> Iterator[FlowGateError]:
    """Reject a config, host or port that is not the one that FlowGate uses."""
    service = config.services[SERVICE]
    if flag in ("-c", "--config"):
        own = str(absolute(service.cwd or config.root, value)) if value else ""
        if own != str(config.paths.active_config):
            what = f"'{flag} {value}' has no effect: LiteLLM gets the rendered profile"
            yield UsageError(what, place=place, fix=f"copy its settings into {config.file}: litellm_base")
    elif value != str(getattr(service, flag.removeprefix("--"))):
        what = f"'{flag} {value}' has no effect: LiteLLM serves on {service.host}:{service.port}"
        yield UsageError(what, place=place, fix=f"write services.{SERVICE}.{flag.removeprefix('--')}: {value}")


def _variable_faults(config: Config) -> Iterator[FlowGateError]:
    for name in config.services[SERVICE].env:
        flag = VARIABLES.get(name)
        if flag is None:
            continue
        place = config.place(f"services.{SERVICE}.env.{name}")
        fix = REPLACEMENTS.get(flag, f"remove it; services.{SERVICE} and litellm_base set what it stands for")
        if flag in LEVELS:
            fix = f"write {LOG_LEVEL}: {LEVELS[flag]}"
        yield UsageError(f"the variable {name} {NO_EFFECT}", place=place, fix=fix)

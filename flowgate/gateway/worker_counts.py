"""How many workers a generation of LiteLLM has."""

from __future__ import annotations

from dataclasses import replace

from flowgate.domain import Config
from flowgate.domain.config import AUTO_WORKERS
from flowgate.errors import UsageError
from flowgate.gateway import litellm_runner
from flowgate.system.cores import usable_cores

NAME = "litellm"
SETTING = f"services.{NAME}.workers"
HIGHEST = 64


def workers(config: Config) -> int:
    """Return the number of workers: as configured, or one for each usable core.

    Args:
        config: The config.
    """
    own = config.services[NAME]
    if not litellm_runner.uses_runner(config):  # a program of the user's own binds its own port
        return 1
    return min(HIGHEST, usable_cores()) if own.workers == AUTO_WORKERS else own.workers


def identity(config: Config) -> list[str]:
    """Return what makes programs with different numbers of workers different; nothing for one worker.

    Args:
        config: The config.
    """
    count = workers(config)
    return [f"workers-{count}"] if count > 1 else []


def with_one(config: Config) -> Config:
    """Return a config whose LiteLLM has one worker.

    Args:
        config: The config.
    """
    return replace(config, services={**config.services, NAME: replace(config.services[NAME], workers=1)})


def faults(config: Config) -> list[UsageError]:
    """Refuse workers for a program that is not FlowGate's runner.

    Args:
        config: The config.
    """
    own = config.services[NAME]
    if own.workers == 1 or litellm_runner.uses_runner(config):
        return []
    what = f"'{SETTING}' has no effect: {own.args[0]} binds its own port, so it is one process"
    fix = f"remove it, or remove services.{NAME}.command, so that FlowGate's runner starts LiteLLM"
    return [UsageError(what, place=config.place(SETTING), fix=fix)]

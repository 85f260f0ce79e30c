"""How many requests LiteLLM's workers serve at once, and how large a body may be, in words."""

from __future__ import annotations

from flowgate.domain import Config
from flowgate.domain.request_limits import AUTO, MAX_BODY, RequestLimit, request_limit, size
from flowgate.errors import UsageError
from flowgate.gateway import litellm_runner, worker_counts
from flowgate.system import memory, open_files


def limit(config: Config) -> RequestLimit:
    """Return how many requests are served at once on this machine.

    Args:
        config: The config.
    """
    own = config.services[worker_counts.NAME]
    workers = worker_counts.workers(config)
    return request_limit(own.max_requests, workers, open_files.hard_limit(), memory.total_bytes())


def faults(config: Config) -> list[UsageError]:
    """Refuse limits for a program that is not FlowGate's runner.

    Args:
        config: The config.
    """
    own = config.services[worker_counts.NAME]
    if litellm_runner.uses_runner(config):
        return []
    written = {"max_requests": own.max_requests != AUTO, "max_body": own.max_body != MAX_BODY}
    what = f"has no effect: clients reach {own.args[0]} itself"
    fix = f"remove it, or remove services.{worker_counts.NAME}.command, so that FlowGate's runner starts LiteLLM"
    places = [f"services.{worker_counts.NAME}.{key}" for key, is_written in written.items() if is_written]
    return [UsageError(f"'{one}' {what}", place=config.place(one), fix=fix) for one in places]


def describe(config: Config) -> list[str]:
    """Describe the limits, one sentence each.

    Args:
        config: The config.
    """
    found, own = limit(config), config.services[worker_counts.NAME]
    lines = [
        f"up to {found.generation:,} requests are in progress at once ({found.why}); above that a client gets 503 with "
        "Retry-After, and no model is asked",
        f"a body may have up to {size(own.max_body)} (services.litellm.max_body)",
    ]
    if found.worker * worker_counts.workers(config) < found.generation:
        lines[1:1] = [f"a worker may have so few files open that it serves {found.worker:,} at once"]
    return lines

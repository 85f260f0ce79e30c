"""How many requests LiteLLM's workers serve at once, and how large a body may be, in words."""

from __future__ import annotations

from flowgate.domain import Config
from flowgate.domain.request_limits import RequestLimit, request_limit, size
from flowgate.gateway import worker_counts
from flowgate.system import memory, open_files


def limit(config: Config) -> RequestLimit:
    """Return how many requests are served at once on this machine.

    Args:
        config: The config.
    """
    own = config.services[worker_counts.NAME]
    workers = worker_counts.workers(config)
    return request_limit(own.max_requests, workers, open_files.hard_limit(), memory.total_bytes())


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

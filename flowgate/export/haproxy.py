"""HAProxy's config: requests over several gateways, each on a fresh connection, and none asked twice."""

from __future__ import annotations

from collections.abc import Sequence

from flowgate.export.plan import Address, Plan
from flowgate.export.templates import render

PORT = 8080  # that the proxy serves in its container
ADMIN_PORT = 8404  # on loopback, for the gateways


def config(plan: Plan, bind: str, servers: Sequence[Address], readiness: str, *, checks: bool = True) -> str:
    """Return the config.

    Args:
        plan: The export.
        bind: The address and port to listen on ("*:8080").
        servers: The gateways.
        readiness: The path that says whether a gateway is ready.
        checks: Ask the gateways whether they are ready, and let them say that they stop. In a pod the cluster does it.
    """
    return render(
        "haproxy.cfg",
        bind=bind,
        servers=servers,
        readiness=readiness,
        checks=checks,
        admin_port=ADMIN_PORT if checks else 0,
        silence=plan.longest_seconds + 30,
        grace=plan.grace_seconds,
    )

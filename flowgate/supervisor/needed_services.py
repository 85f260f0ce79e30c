"""What a worker is told about the services that it needs: which are away, and whether they will be back in a moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowgate.supervisor.protocol import WorkerCommand
from flowgate.supervisor.service_state import ServiceState

PATIENCE = 3  # a service that has crashed more often in a row is not expected back in a moment


def is_restarting(state: ServiceState) -> bool:
    """Return whether a service is away and will be back in a moment, so that new requests for it are held."""
    return state.wanted and not state.shared_listener and not state.serving() and state.crashes <= PATIENCE


def report(needed: Iterable[str], states: Mapping[str, ServiceState]) -> WorkerCommand:
    """Make the command that tells a worker about the services that it needs.

    Args:
        needed: Names of the services.
        states: The state of each known service.
    """
    down: dict[str, str] = {}
    restarting: list[str] = []
    for name in needed:
        state = states.get(name)
        if state is None:
            down[name] = f"{name} is not running"
        elif is_restarting(state):
            restarting.append(name)
        elif not state.shared_listener and not state.serving():
            down[name] = f"{name} {_why(state)}"
    return {"do": "upstreams", "down": down, "restarting": restarting}


def _why(state: ServiceState) -> str:
    if state.wanted:
        return f"ends again and again ({state.failure or 'it does not start'})"
    return f"is not running ({state.failure})" if state.failure else "is stopped"

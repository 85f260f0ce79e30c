"""The ports of the services: those of the config, or free ones where the embedded default finds its own taken."""

from __future__ import annotations

from collections.abc import Callable

from flowgate.domain import Config
from flowgate.supervisor.status_document import GenerationStatus
from flowgate.system import sockets


def choose(
    config: Config, running: Callable[[str], GenerationStatus | None], emit: Callable[[str], None]
) -> dict[str, int]:
    """Return each service's port.

    Args:
        config: The config. Only the embedded default, whose ports nobody has chosen, moves to others.
        running: Returns the generation of a service that runs; it keeps its port.
        emit: Shows a message to the user.
    """
    ports = {name: settings.port for name, settings in config.services.items()}
    if not config.embedded:
        return ports
    for name, settings in config.services.items():
        if (generation := running(name)) is not None:
            ports[name] = generation["port"]
        elif not sockets.is_free(settings.host, settings.port):
            ports[name] = sockets.free_port()
            emit(f"port {settings.port} is in use; {name} uses {ports[name]} instead")
    return ports

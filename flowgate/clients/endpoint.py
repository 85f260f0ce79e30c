"""The gateway as a client sees it: its address, and the models for the main and the background work."""

from __future__ import annotations

from collections.abc import Sequence

from flowgate.clients.program import Endpoint
from flowgate.domain import Secret
from flowgate.system import sockets

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a client on this machine asks instead
# Words in the names of models for background work, such as titles and summaries.
SMALL = ("cheap", "small", "mini", "nano", "haiku", "flash", "lite", "fast")


def root(host: str, port: int) -> str:
    """Return the address of a listener for programs on this machine, without `/v1`.

    Args:
        host: Its host, which may be a wildcard.
        port: Its port.
    """
    name = LOOPBACK.get(host, host) if host in sockets.WILDCARDS else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def small_model(models: Sequence[str], main: str) -> str:
    """Choose the model for background work: the first whose name says that it is small, else the main one.

    Args:
        models: The names that the gateway answers.
        main: The model for the main work.
    """
    if _is_small(main):
        return main
    return next(filter(_is_small, models), main)


def _is_small(name: str) -> bool:
    return any(word in name.lower() for word in SMALL)


def endpoint(address: str, client: tuple[str, Secret], main: str, small: str, models: Sequence[str]) -> Endpoint:
    """Describe the gateway to a client.

    Args:
        address: The result of `root`.
        client: The client's name and key.
        main: The model for the main work.
        small: The model for background work; empty to choose.
        models: The names that the gateway answers.
    """
    name, key = client
    chosen = small or small_model(models, main)
    return Endpoint(address, key.reveal(), main, chosen, tuple(dict.fromkeys([main, chosen, *models])), name)

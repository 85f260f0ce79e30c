"""The address of the gateway, as programs on this machine ask it."""

from __future__ import annotations

from flowgate.system import sockets

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a client on this machine asks instead


def root(host: str, port: int) -> str:
    """Return the address of a listener for programs on this machine, without `/v1`.

    Args:
        host: Its host, which may be a wildcard.
        port: Its port.
    """
    name = LOOPBACK[host] if host in sockets.WILDCARDS else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"

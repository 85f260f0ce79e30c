"""Where processes listen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address


@dataclass(frozen=True, slots=True)
class Listener:
    """One address that a process accepts connections on."""

    pid: int
    host: str
    port: int

    @property
    def is_private(self) -> bool:
        """Say whether only this machine can reach it."""
        address = ip_address(self.host.partition("%")[0])
        inner = getattr(address, "ipv4_mapped", None)
        return (inner or address).is_loopback


def listeners(pids: Iterable[int]) -> list[Listener]:
    """List the TCP addresses that these processes listen on.

    Returns:
        A socket that several share once, with the first of them.
    """
    import psutil

    found: dict[tuple[str, int], Listener] = {}
    for pid in pids:
        try:
            connections = psutil.Process(pid).net_connections(kind="tcp")
        except psutil.Error:  # it ended, or is another user's
            continue
        for one in connections:
            if one.status == psutil.CONN_LISTEN and one.laddr:
                found.setdefault((one.laddr.ip, one.laddr.port), Listener(pid, one.laddr.ip, one.laddr.port))
    return list(found.values())

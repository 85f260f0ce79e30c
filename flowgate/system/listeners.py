"""The TCP addresses on which processes listen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket of a process."""

    pid: int
    host: str
    port: int

    @property
    def is_private(self) -> bool:
        """Whether only this machine can connect to it."""
        address = ip_address(self.host.partition("%")[0])
        inner = getattr(address, "ipv4_mapped", None)
        return (inner or address).is_loopback


def listeners(pids: Iterable[int]) -> list[Listener]:
    """List the TCP addresses on which processes listen.

    Args:
        pids: The processes.

    Returns:
        The addresses. One that several processes share is listed once, with the first process.
    """
    import psutil

    found: dict[tuple[str, int], Listener] = {}
    for pid in pids:
        try:
            connections = psutil.Process(pid).net_connections(kind="tcp")
        except psutil.Error:  # it has ended, or belongs to another user
            continue
        for one in connections:
            if one.status == psutil.CONN_LISTEN and one.laddr:
                found.setdefault((one.laddr.ip, one.laddr.port), Listener(pid, one.laddr.ip, one.laddr.port))
    return list(found.values())

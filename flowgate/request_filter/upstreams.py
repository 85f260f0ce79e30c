"""The services that deployments are behind, as far as the supervisor reports them: which cannot be asked now."""

from __future__ import annotations

import socket
import time
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

PROBE_SECONDS = 0.05
PROBE_EVERY_SECONDS = 0.5
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Upstreams:
    """The services that a worker's deployments need.

    Attributes:
        addresses: Service → its "host:port".
        down: Service that is stopped, or fails again and again → why, as a sentence.
        restarting: Services that will be back in a moment.
    """

    def __init__(self) -> None:
        self.addresses: Mapping[str, str] = {}
        self.down: dict[str, str] = {}
        self.restarting: frozenset[str] = frozenset()
        self._probed: dict[str, tuple[float, bool]] = {}
        self._services: dict[str, str] = {}  # address of a deployment → service; filled as they are asked for

    def set_addresses(self, addresses: Mapping[str, str]) -> None:
        """Set where the services listen.

        Args:
            addresses: Service → its "host:port".
        """
        self.addresses, self._services = dict(addresses), {}

    def note(self, down: Mapping[str, str], restarting: Collection[str]) -> list[str]:
        """Note what the supervisor reports.

        Args:
            down: Service → why it is down.
            restarting: Services that will be back in a moment.

        Returns:
            The services whose state has changed.
        """
        before = {**dict.fromkeys(self.restarting, "restarting"), **dict.fromkeys(self.down, "down")}
        self.down, self.restarting = dict(down), frozenset(restarting)
        after = {**dict.fromkeys(self.restarting, "restarting"), **dict.fromkeys(self.down, "down")}
        self._probed.clear()
        return [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]

    def service_at(self, base: str) -> str:
        """Return the service that listens at the address of a deployment; empty when it is none of them.

        Args:
            base: The deployment's `api_base`.
        """
        found = self._services.get(base)
        if found is None:
            found = self._services[base] = self._find(base)
        return found

    def _find(self, base: str) -> str:
        try:
            parts = urlsplit(base)
            host, port = parts.hostname, parts.port
        except ValueError:  # not a URL, or an invalid port
            return ""
        for name, address in self.addresses.items():
            own_host, _, own_port = address.rpartition(":")
            if str(port) == own_port and host in (own_host.strip("[]"), *LOOPBACK):
                return name
        return ""

    def obstacle(self, base: str) -> str:
        """Return why a deployment cannot be asked now; empty when it can.

        A service that the supervisor does not run, but whose port accepts connections, can be asked.

        Args:
            base: The deployment's `api_base`.
        """
        reason = self.down.get(self.service_at(base), "") if self.down else ""
        return reason if reason and not self._accepts(self.service_at(base)) else ""

    def _accepts(self, name: str) -> bool:
        now = time.monotonic()
        probed_at, accepts = self._probed.get(name, (-PROBE_EVERY_SECONDS, False))
        if now - probed_at >= PROBE_EVERY_SECONDS:
            accepts = _accepts_connections(self.addresses[name])
            self._probed[name] = (now, accepts)
        return accepts


def _accepts_connections(address: str) -> bool:
    """Return whether a local address accepts a connection; a closed port refuses it at once."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PROBE_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True

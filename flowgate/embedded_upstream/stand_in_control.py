"""How the machine that rehearses drives the stand-ins: `GET /rehearsal`, `PUT /faults`, `GET /requests`.

Each request needs the key as a bearer token. One rehearsal has the stand-ins for itself: its requests carry a name of
their own (`x-rehearsal`), and another name is refused (409) until `DELETE /rehearsal`, or until it was silent for long.
"""

from __future__ import annotations

import hmac
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flowgate.embedded_upstream.answers import last_prompt
from flowgate.embedded_upstream.completions import CompletionRequest
from flowgate.embedded_upstream.faults import FaultError, read_faults
from flowgate.embedded_upstream.faulty_vendors import FaultyVendors
from flowgate.embedded_upstream.json_data import mapping
from flowgate.embedded_upstream.refusing_port import RefusingPort
from flowgate.embedded_upstream.responses import Handler, body_of, failed, reply

VERSION = 1
LEASE_SECONDS = 300.0  # a rehearsal that was silent for so long has ended
NAME = "x-rehearsal"
NONCE = re.compile(r"[0-9a-f]{32}")
KEPT_NONCES = 100


@dataclass(frozen=True, slots=True)
class Overlay:
    """What the stand-ins know of the gateway in front of them.

    Attributes:
        marker: A model that only a rehearsal's gateway has; its name contains a digest of the settings.
        profile: The profile.
        time_scale: Factor by which LiteLLM's times were multiplied.
        gateways: How many gateways there are.
        redis: They share a Redis server.
    """

    marker: str
    profile: str
    time_scale: float
    gateways: int
    redis: bool = False


class StandIns(FaultyVendors):
    """The vendors of a deployed rehearsal; the marker's requests are kept apart, with the text that was sent.

    Attributes:
        nonces: The newest texts that were sent to the marker.
    """

    def __init__(self, marker: str) -> None:
        super().__init__()
        self.marker = marker
        self.nonces: deque[str] = deque(maxlen=KEPT_NONCES)

    def respond(self, request: CompletionRequest) -> Response:
        """Answer a request, or fail as its model's fault says."""
        if request.model == self.marker and (found := NONCE.search(last_prompt(request.body))):
            self.nonces.append(found.group())
        return super().respond(request)


class StandInControl:
    """The application of the control port."""

    def __init__(self, overlay: Overlay, vendors: StandIns, port: RefusingPort, key: str) -> None:
        """Build the application.

        Args:
            overlay: What the stand-ins know of the gateway.
            vendors: The vendors.
            port: The port that can refuse connections.
            key: The key that requests must have.
        """
        self._overlay, self._vendors, self._port, self._key = overlay, vendors, port, key.encode()
        self._holder, self._seen = "", 0.0
        self._now: Callable[[], float] = time.monotonic
        routes = [
            Route("/rehearsal", self._guarded(self._describe, held=False), methods=["GET"]),
            Route("/rehearsal", self._guarded(self._release), methods=["DELETE"]),
            Route("/faults", self._guarded(self._set_faults), methods=["PUT"]),
            Route("/requests", self._guarded(self._list), methods=["GET", "DELETE"]),
        ]
        self.app = Starlette(routes=routes)

    def _guarded(self, handler: Handler, held: bool = True) -> Handler:
        """Return a handler that refuses requests without the key, and those of a second rehearsal."""

        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, b"Bearer " + self._key):
                return failed("wrong key", 401)
            if held and not self._is_holder(request.headers.get(NAME, "")):
                return failed("another rehearsal is running", 409)
            return await handler(request)

        return guarded

    def _is_holder(self, name: str) -> bool:
        now = self._now()
        if not name or (self._holder not in ("", name) and now - self._seen < LEASE_SECONDS):
            return False
        self._holder, self._seen = name, now
        return True

    async def _describe(self, request: Request) -> Response:
        one = self._overlay
        described = {
            "version": VERSION,
            "marker": one.marker,
            "profile": one.profile,
            "time_scale": one.time_scale,
            "gateways": one.gateways,
            "redis": one.redis,
            "nonces": list(self._vendors.nonces),
            "now": time.time(),
        }
        return reply(described)

    async def _release(self, request: Request) -> Response:
        """End the rehearsal: no fault stays."""
        self._vendors.faults, self._holder = {}, ""
        self._port.set_refusing(False)
        return reply({"released": True})

    async def _set_faults(self, request: Request) -> Response:
        """Replace all faults: `{"faults": {"MODEL": {"status": 500}}, "refuses": false}`."""
        body = await body_of(request)
        if body is None or body.keys() != {"faults", "refuses"} or not isinstance(body["refuses"], bool):
            return failed('the body must be {"faults": {…}, "refuses": true or false}', 400)
        before = self._vendors.faults
        try:
            self._vendors.faults = read_faults(mapping(body["faults"]))
        except FaultError as error:
            return failed(str(error), 400)
        for model in [one for one in self._vendors.counts if before.get(one) != self._vendors.faults.get(one)]:
            del self._vendors.counts[model]
        self._port.set_refusing(body["refuses"])
        return reply({"faults": len(self._vendors.faults), "refuses": body["refuses"]})

    async def _list(self, request: Request) -> Response:
        """List the received requests and the refused connections; DELETE clears both lists."""
        if request.method == "DELETE":
            self._vendors.requests.clear()
            self._port.refused_at.clear()
        return reply({"requests": list(self._vendors.requests), "refused": list(self._port.refused_at)})

"""The stand-ins of a deployed rehearsal: fake vendors on another machine, driven over their control port."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TypedDict, cast

from flowgate.domain import Secret
from flowgate.errors import CheckFailed, EnvironmentFailure, UsageError
from flowgate.rehearsal.fake_vendors import FakeVendors
from flowgate.rehearsal.observation import Attempt
from flowgate.rehearsal.overlay_config import MARKER
from flowgate.rehearsal.roles import PRIMARY, Roles
from flowgate.rehearsal.scenarios import Scenario
from flowgate.system.clock import Clock
from flowgate.system.http import Http, Response

VERSION = 1  # of what the control port speaks
CLOCK_SAMPLES = 5
KEY = "REHEARSAL_KEY"


@dataclass(frozen=True, slots=True)
class OverlayFacts:
    """What stand-ins say of the gateway in front of them.

    Attributes:
        marker: A model that only this gateway has.
        profile: Its profile.
        time_scale: Factor by which LiteLLM's times were multiplied.
        gateways: How many gateways there are.
        redis: They share a Redis server.
    """

    marker: str
    profile: str
    time_scale: float
    gateways: int
    redis: bool = False


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How far the stand-ins' clock is from the one here.

    Attributes:
        seconds: What their clock is ahead.
        uncertainty: How wrong that may be: half of the fastest round trip.
    """

    seconds: float
    uncertainty: float


class ReceivedRequest(TypedDict):
    """One request that arrived at the stand-ins; `at` is in seconds since 1970, by their clock."""

    model: str
    at: float
    failed: bool


class Received(TypedDict):
    """What arrived: requests, and the times of refused connections."""

    requests: list[ReceivedRequest]
    refused: list[float]


class StandInControl:
    """Client of the control port."""

    def __init__(self, http: Http, clock: Clock, url: str, key: Secret) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            http: HTTP client.
            clock: Time.
            url: Base URL of the control port.
            key: Its key.
        """
        self.url = url
        self._http, self._clock = http, clock
        self._headers: dict[str, str | Secret] = {
            "Authorization": key.bearer(),
            "x-rehearsal": secrets.token_hex(8),
            "content-type": "application/json",
        }

    def describe(self) -> OverlayFacts:
        """Return what the stand-ins say of the gateway in front of them.

        Raises:
            UsageError: The key is wrong, or no stand-ins answer there.
            Unreachable: Nothing answers there.
        """
        response = self._http.get(f"{self.url}/rehearsal", headers=self._headers)
        if response.status == 401:
            fix = f"{KEY} must be the key that the stand-ins were started with"
            raise UsageError(f"the stand-ins at {self.url} refuse the key {KEY}", fix=fix)
        try:
            found = response.json()
            facts = OverlayFacts(
                str(found["marker"]),
                str(found["profile"]),
                float(found["time_scale"]),
                int(found["gateways"]),
                found.get("redis") is True,  # those of an earlier FlowGate do not say it
            )
            version = found["version"]
        except (CheckFailed, KeyError, TypeError, ValueError):
            fix = "give --stand-ins the address of the control port of the exported stand-ins"
            raise UsageError(f"what answers at {self.url} are no stand-ins", fix=fix) from None
        if version != VERSION:
            what = f"the stand-ins at {self.url} are of another version of FlowGate"
            raise UsageError(what, fix="use the same version of FlowGate for both")
        return facts

    def received_nonce(self, nonce: str) -> bool:
        """Return whether a text was sent to the marker.

        Args:
            nonce: The text.
        """
        return nonce in self._http.get(f"{self.url}/rehearsal", headers=self._headers).json()["nonces"]

    def clock_offset(self) -> ClockOffset:
        """Compare the two clocks; the fastest of several round trips counts."""
        samples = []
        for _ in range(CLOCK_SAMPLES):
            before = self._clock.wall().timestamp()
            now = float(self._http.get(f"{self.url}/rehearsal", headers=self._headers).json()["now"])
            after = self._clock.wall().timestamp()
            samples.append((after - before, now - (before + after) / 2))
        duration, seconds = min(samples)
        return ClockOffset(seconds, max(0.0, duration) / 2)

    def set_faults(self, faults: dict[str, dict[str, object]], refuses: bool) -> None:
        """Replace all faults.

        Args:
            faults: Model → its fault.
            refuses: Whether connections to the primary are reset.
        """
        body = json.dumps({"faults": faults, "refuses": refuses}).encode()
        self._expect(self._http.request("PUT", f"{self.url}/faults", body, headers=self._headers))

    def received(self) -> Received:
        """Return what arrived since `forget`."""
        response = self._expect(self._http.get(f"{self.url}/requests", headers=self._headers))
        return cast("Received", response.json())

    def forget(self) -> None:
        """Clear the list of what arrived."""
        self._expect(self._http.delete(f"{self.url}/requests", headers=self._headers))

    def release(self) -> None:
        """End the rehearsal: all faults end, and another rehearsal may begin."""
        self._expect(self._http.delete(f"{self.url}/rehearsal", headers=self._headers))

    def _expect(self, response: Response) -> Response:
        if response.status == 409:
            fix = "wait until it ends; one that was killed is forgotten after five minutes"
            raise EnvironmentFailure(f"another rehearsal uses the stand-ins at {self.url}", fix=fix)
        if not response.ok:
            raise CheckFailed(f"the stand-ins at {self.url} answered {response.status}: {response.text[:200]}")
        return response


class StandIns(FakeVendors):
    """The stand-ins as the vendors of one scenario after another; times are those of the clock here."""

    def __init__(self, control: StandInControl, http: Http, roles: Roles, scale: float) -> None:
        """Prepare the stand-ins.

        Args:
            control: Client of the control port.
            http: HTTP client.
            roles: The roles of the profile's models.
            scale: Factor for LiteLLM's times.
        """
        super().__init__(http, control.url, roles, scale)
        self._control = control
        self._refuses = False
        self.offset = ClockOffset(0.0, 0.0)

    def begin(self) -> None:
        """Forget what was before a scenario, and compare the clocks."""
        self._faults, self._refuses = {}, False
        self._send()
        self._control.forget()
        self.offset = self._control.clock_offset()

    def set_faults(self, scenario: Scenario) -> None:
        """Start the faults of a scenario."""
        self._refuses = any(fault.refuses for fault in scenario.faults.values())
        super().set_faults(scenario)

    def clear_faults(self, scenario: Scenario) -> None:
        """End the faults of a scenario."""
        if self._refuses:
            self._refuses = False
            self._send()
        super().clear_faults(scenario)

    def attempts(self, scenario: Scenario, since: float) -> list[Attempt]:
        """Return all attempts since a time, with the refused connections, in the order of arrival.

        Args:
            scenario: The scenario.
            since: Start of the scenario, in seconds since 1970.
        """
        found = self._control.received()
        made = [
            self._attempt({**row, "at": self._here(row["at"])}, str(row["model"]), since)
            for row in found["requests"]
            if not str(row["model"]).startswith(MARKER)
        ]
        made += [Attempt(self._here(at) - since, PRIMARY, True) for at in found["refused"]]
        return sorted((one for one in made if one.at >= 0), key=lambda attempt: attempt.at)

    def _here(self, at: float) -> float:
        """Return a time of the stand-ins by the clock here: not before the attempt, so that it is in its request."""
        return at - self.offset.seconds + self.offset.uncertainty

    def _prefix(self, scenario: Scenario) -> str:
        return ""

    def _send(self) -> None:
        self._control.set_faults(self._faults, self._refuses)

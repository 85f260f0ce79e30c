"""The scenarios of a rehearsal: kinds of outage, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowgate.rehearsal.roles import PRIMARY, SECONDARY


@dataclass(frozen=True, slots=True)
class Fault:
    """How a fake vendor fails.

    Attributes:
        status: HTTP status that it responds with.
        retry_after: Seconds in the Retry-After header of that response.
        hangs: It never responds.
        silent: It starts a stream, sends who speaks, and then nothing.
        mute: It starts a stream and sends nothing at all.
        cuts: It closes a stream after the first chunk.
        refuses: It accepts no connection.
        every: Only every n-th request fails; 1: all of them.
    """

    status: int | None = None
    retry_after: int | None = None
    hangs: bool = False
    silent: bool = False
    mute: bool = False
    cuts: bool = False
    refuses: bool = False
    every: int = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of outage.

    Attributes:
        name: Name in commands and reports.
        description: What happens.
        kind: How LiteLLM classifies the failure: "refusal", "429", "timeout", "401" and "404" each have a number of
            retries, and "stream" is a stream that breaks off. "names" and "misuse" are no outages: the
            first asks for every name, the second checks that one client's errors do not harm the others.
        faults: Role -> fault of all models with that role.
        requests: Number of requests sent during the fault, one after another.
        stream: The requests ask for a stream.
        causes_cooldown: LiteLLM puts the failed model into cooldown.
        causes_upstream_cooldown: CLIProxyAPIPlus puts the account into cooldown. It does so for error responses of the
            vendor, not for a vendor that is silent or unreachable.
        recovers: The fault ends, and requests continue until the primary serves again.
        answerable: At least one model works.
        isolated: LiteLLM calls the vendors directly and applies no cooldowns, so that one request does not change what
            happens to the next one.
    """

    name: str
    description: str
    kind: str
    faults: Mapping[str, Fault]
    requests: int = 6
    stream: bool = False
    causes_cooldown: bool = True
    causes_upstream_cooldown: bool = True
    recovers: bool = False
    answerable: bool = True
    isolated: bool = False


NAMES, MISUSE = "names", "misuse"
_ALL = (
    Scenario("healthy", "no fault", "refusal", {}, causes_cooldown=False),
    Scenario("500", "the primary responds with 500", "refusal", {PRIMARY: Fault(status=500)}),
    Scenario("429", "the primary responds with 429", "429", {PRIMARY: Fault(status=429)}),
    Scenario(
        name="429-wait",
        description="the primary responds with 429 and Retry-After: 30",
        kind="429",
        faults={PRIMARY: Fault(status=429, retry_after=30)},
    ),
    Scenario("401", "the primary responds with 401", "401", {PRIMARY: Fault(status=401)}),
    Scenario("404", "the primary responds with 404", "404", {PRIMARY: Fault(status=404)}),
    Scenario(
        name="hang",
        description="the primary never responds",
        kind="timeout",
        faults={PRIMARY: Fault(hangs=True)},
        causes_upstream_cooldown=False,
    ),
    Scenario(
        name="refused",
        description="connections to the primary are reset",
        kind="refusal",
        faults={PRIMARY: Fault(refuses=True)},
        causes_upstream_cooldown=False,
    ),
    Scenario(
        name="cut",
        description="streams of the primary break off",
        kind="stream",
        faults={PRIMARY: Fault(cuts=True)},
        stream=True,
        causes_cooldown=False,
    ),
    Scenario(
        name="silent",
        description="streams of the primary start and then send nothing",
        kind="timeout",
        faults={PRIMARY: Fault(silent=True)},
        requests=2,
        stream=True,
        causes_cooldown=False,
    ),
    Scenario(
        name="mute",
        description="streams of the primary are opened and send nothing at all",
        kind="timeout",
        faults={PRIMARY: Fault(mute=True)},
        requests=2,
        stream=True,
        causes_cooldown=False,
    ),
    Scenario(
        name="flap",
        description="every third request to the primary fails",
        kind="refusal",
        faults={PRIMARY: Fault(status=500, every=3)},
        requests=9,
    ),
    Scenario(
        name="both",
        description="the primary and the secondary respond with 500",
        kind="refusal",
        faults={PRIMARY: Fault(status=500), SECONDARY: Fault(status=500)},
        answerable=False,
    ),
    Scenario(
        "recovery",
        "the primary responds with 500, then recovers",
        "refusal",
        {PRIMARY: Fault(status=500)},
        recovers=True,
    ),
    Scenario(
        name=NAMES,
        description="every name that clients may ask for, while its models work and while they respond with 500",
        kind=NAMES,
        faults={},
        causes_cooldown=False,
        isolated=True,
    ),
    Scenario(
        name=MISUSE,
        description="one client sends requests that no model can answer, then others send correct ones",
        kind=MISUSE,
        faults={},
        causes_cooldown=False,
    ),
)
SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}

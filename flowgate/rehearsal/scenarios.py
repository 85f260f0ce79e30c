"""What a rehearsal plays: everything that goes wrong with a vendor, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What a model does instead of answering.

    Attributes:
        status: Refuses with it.
        retry_after: Seconds it asks for.
        hangs: Never answers.
        silent: A stream that begins and says nothing.
        cuts: A stream that ends after a piece.
        refuses: Nobody listens.
        every: Only each so many-th question fails; 1: all.
    """

    status: int | None = None
    retry_after: int | None = None
    hangs: bool = False
    silent: bool = False
    cuts: bool = False
    refuses: bool = False
    every: int = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that goes wrong.

    Attributes:
        kind: How LiteLLM takes it: "refusal", "429", "timeout", "never" (is not tried again) or "stream" (cannot
            be mended).
        faults: Role ("primary", "secondary") → what it does.
        questions: Put one after another while the fault lasts.
        benches: Whether it puts the model to sleep.
        recovers: The fault ends, and the primary is waited for.
        answered: Whether somebody is left who can answer.
        south_bench: Seconds for which CLIProxyAPIPlus benches an account for it, whatever its settings say; they
            do not scale.
        south_benches: Whether CLIProxyAPIPlus benches an account for it where benching is its part: it does for
            what a vendor answers, not for one that is silent or cannot be reached.
    """

    name: str
    says: str
    kind: str
    faults: Mapping[str, Fault]
    questions: int = 6
    stream: bool = False
    benches: bool = True
    recovers: bool = False
    answered: bool = True
    south_bench: float = 0.0
    south_benches: bool = True


DEAD = Fault(status=500)
SCENARIOS: Mapping[str, Scenario] = {
    one.name: one
    for one in (
        Scenario("healthy", "nothing is wrong", "refusal", {}, benches=False),
        Scenario("500", "the primary answers 500", "refusal", {"primary": DEAD}),
        Scenario("429", "the primary answers 429", "429", {"primary": Fault(status=429)}),
        Scenario(
            *("429-wait", "the primary answers 429 and asks for a pause", "429"),
            {"primary": Fault(status=429, retry_after=30)},
        ),
        Scenario("401", "the primary answers 401", "never", {"primary": Fault(status=401)}, south_bench=1800.0),
        Scenario("404", "the primary answers 404", "never", {"primary": Fault(status=404)}, south_bench=43200.0),
        Scenario("hang", "the primary never answers", "timeout", {"primary": Fault(hangs=True)}, south_benches=False),
        Scenario(
            *("refused", "nobody listens where the primary was", "refusal", {"primary": Fault(refuses=True)}),
            south_benches=False,
        ),
        Scenario(
            *("cut", "the primary cuts its streams in the middle", "stream", {"primary": Fault(cuts=True)}),
            stream=True,
            benches=False,
        ),
        Scenario(
            *("silent", "the primary begins its streams and says nothing", "timeout", {"primary": Fault(silent=True)}),
            questions=2,
            stream=True,
            benches=False,
        ),
        Scenario("flap", "every third question fails", "refusal", {"primary": Fault(status=500, every=3)}, 9),
        Scenario(
            *("both", "the secondary is down as well", "refusal", {"primary": DEAD, "secondary": DEAD}),
            answered=False,
        ),
        Scenario("recovery", "the primary comes back", "refusal", {"primary": DEAD}, recovers=True),
    )
}

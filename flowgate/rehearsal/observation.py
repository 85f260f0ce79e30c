"""What was observed in a scenario: the requests of its clients, and the attempts that arrived at the fake vendors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowgate.rehearsal.roles import PRIMARY, NameCase

UNASKED = "an answer that no vendor gave"


@dataclass(frozen=True, slots=True)
class ObservedRequest:
    """One request, as its client and the fake vendors saw it.

    Attributes:
        at: When it was sent, in seconds since the scenario began.
        seconds: How long the client waited.
        answered_by: Role that answered; None if the client got an error or an incomplete stream.
        attempts: Role -> attempts that arrived there for this request.
        error: What the client got instead of an answer; empty for an answer.
        model: The name that the client asked for.
        unasked: The client got an answer, and no vendor had given one.
    """

    at: float
    seconds: float
    answered_by: str | None
    attempts: Mapping[str, int]
    error: str = ""
    model: str = ""
    unasked: bool = False

    @property
    def primary_attempts(self) -> int:
        """Return the number of attempts that arrived at the primary."""
        return self.attempts.get(PRIMARY, 0)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that arrived at a fake vendor.

    Attributes:
        at: When it arrived, in seconds since the scenario began.
        role: Role of the requested model.
        failed: The vendor failed it on purpose.
        model: The requested vendor model; empty if it is not known.
    """

    at: float
    role: str
    failed: bool
    model: str = ""


@dataclass(frozen=True, slots=True)
class NameObservation:
    """What one name led to.

    Attributes:
        case: The name and what is promised.
        healthy: Vendor model that answered; empty if the client got an error.
        failing: Vendor model that answered while the first ones failed; None if the name was not asked for.
    """

    case: NameCase
    healthy: str
    failing: str | None


@dataclass(frozen=True, slots=True)
class Observation:
    """What was observed in one scenario.

    Attributes:
        requests: In the order in which they were sent, including those after the end of the fault.
        healthy_seconds: Median duration of a healthy response.
        fault_ended_at: Seconds since the scenario began; None if the fault lasted until its end.
        scale: Factor by which LiteLLM's times were multiplied.
        attempts: All attempts, in the order of arrival.
        names: What each name led to, if the scenario asks for all names.
    """

    requests: Sequence[ObservedRequest]
    healthy_seconds: float
    fault_ended_at: float | None = None
    scale: float = 1.0
    attempts: Sequence[Attempt] = ()
    names: Sequence[NameObservation] = ()

    def during_fault(self) -> list[ObservedRequest]:
        """Return the requests that were sent before the fault ended."""
        return [one for one in self.requests if self.fault_ended_at is None or one.at < self.fault_ended_at]


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request, as its client saw it.

    Attributes:
        at: When it was sent, in seconds since 1970.
        seconds: How long the client waited.
        error: Why it failed; empty for an answer.
        model: The name that it asked for.
    """

    at: float
    seconds: float
    error: str = ""
    model: str = ""


def match_attempts(sent: Sequence[SentRequest], attempts: Sequence[Attempt], start: float) -> list[ObservedRequest]:
    """Assign each attempt to the request that was in progress when it arrived.

    Args:
        sent: Requests, one after another.
        attempts: Attempts; their times count from the start.
        start: Seconds since 1970.
    """
    found = []
    for request, own in zip(sent, _by_request(sent, attempts, start), strict=True):
        answer = _answer(request, own)
        answered_by = answer.role if answer else None
        counts = dict(Counter(attempt.role for attempt in own))
        begin, unasked = request.at - start, answer is None and not request.error
        error = UNASKED if unasked else request.error
        found.append(ObservedRequest(begin, request.seconds, answered_by, counts, error, request.model, unasked))
    return found


def answering_models(sent: Sequence[SentRequest], attempts: Sequence[Attempt], start: float) -> list[str]:
    """Return the vendor model that answered each request; empty if the client got an error.

    Args:
        sent: Requests, one after another.
        attempts: Attempts; their times count from the start.
        start: Seconds since 1970.
    """
    pairs = zip(sent, _by_request(sent, attempts, start), strict=True)
    answers = [_answer(request, own) for request, own in pairs]
    return [answer.model if answer else "" for answer in answers]


def _answer(request: SentRequest, own: Sequence[Attempt]) -> Attempt | None:
    """Return the attempt that answered a request; None if the client got an error."""
    answered = [attempt for attempt in own if not attempt.failed]
    return answered[-1] if answered and not request.error else None


def name_observations(cases: Sequence[NameCase], answers: Sequence[str]) -> list[NameObservation]:
    """Return what each name led to.

    Args:
        cases: The names, in the order in which they were asked for.
        answers: The model that answered each request, two for each name; shorter if there was no time for all.
    """
    pairs = list(zip(answers[::2], answers[1::2], strict=False))
    asked = [NameObservation(case, *pair) for case, pair in zip(cases, pairs, strict=False)]
    return [*asked, *(NameObservation(case, "", None) for case in cases[len(pairs) :])]


def _by_request(sent: Sequence[SentRequest], attempts: Sequence[Attempt], start: float) -> Iterator[list[Attempt]]:
    for number, request in enumerate(sent):
        begin = request.at - start
        end = sent[number + 1].at - start if number + 1 < len(sent) else float("inf")
        yield [attempt for attempt in attempts if begin <= attempt.at < end]

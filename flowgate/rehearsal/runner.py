"""Play one scenario: put its questions, let its faults begin and end, and say what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from flowgate.domain import Facts
from flowgate.errors import CheckFailed, FlowGateError, Unreachable
from flowgate.rehearsal.private_stack import Attempt, Scene
from flowgate.rehearsal.stream import chunks
from flowgate.rehearsal.verdicts import Asked, Observed
from flowgate.step import StepContext

WARM = 3  # questions before anything is wrong: the first pays for what is done once
BACK_SECONDS = 12.0  # beyond its bench, how long a primary is waited for
AGAIN = 10  # questions in one bench while it is waited for
ENOUGH_SECONDS = 20.0  # after which no more questions are put than are needed to see whether the primary is benched
LONG_BENCH_SECONDS = 10.0  # no bench is waited for in vain
LATE_SECONDS = 0.3  # for an attempt that is still on its way when its client has hung up


@dataclass(frozen=True, slots=True)
class Put:
    """One question, as its client saw it. at: seconds since 1970; said: why it failed, empty when it was answered"""

    at: float
    seconds: float
    message: str


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario, as it was played.

    said: what clients were told, in the order of the questions; empty for an answer

    Attributes:
        attempts: (seconds since the scenario began, role, whether it failed) of all that arrived.
    """

    observed: Observed
    attempts: tuple[tuple[float, str, bool], ...]
    message: tuple[str, ...]


class Times(NamedTuple):
    """How long things last here, in seconds.

    Attributes:
        patience: Until a client gives up.
        bench: Of a model.
        scale: What LiteLLM's times were multiplied with.
    """

    patience: float
    bench: float
    scale: float


class Player:
    """Plays a scenario over the programs that are there for it.

    Attributes:
        least: Questions that are needed to see whether the primary is benched.
    """

    def __init__(self, context: StepContext, scene: Scene, model: str, times: Times, least: int) -> None:
        self.context, self.scene, self.model, self.least = context, scene, model, least
        self.patience, self.bench, self.scale = times
        self._count = 0

    def play(self) -> Played:
        """Play it.

        Raises:
            CheckFailed: A question is not answered before anything is wrong.
        """
        scenario, clock = self.scene.scenario, self.context.clock
        healthy = self._warm_up()
        self.scene.fail()
        zero = clock.wall().timestamp()
        puts = self._ask(scenario.questions)
        over = None
        if scenario.recovers:
            self.scene.vendors.mend(scenario)
            over = clock.wall().timestamp()
            puts += self._until_back(over)
        clock.sleep(LATE_SECONDS)
        arrived = [one for one in self.scene.asked() if one.at >= zero]
        asked = attributed(puts, arrived, zero)
        observed = Observed(asked, healthy, None if over is None else over - zero, self.scale)
        attempts = tuple((one.at - zero, one.role, one.failed) for one in arrived)
        return Played(observed, attempts, tuple(one.message for one in puts))

    def _ask(self, questions: int) -> list[Put]:
        """Put questions one after another; where each takes long, only as many as are needed."""
        deadline = self.context.clock.now() + ENOUGH_SECONDS
        puts: list[Put] = []
        while len(puts) < questions and (len(puts) < self.least or self.context.clock.now() < deadline):
            puts.append(self._put())
        return puts

    def _warm_up(self) -> float:
        """Have done what is done once; give the median of the seconds that a healthy answer takes."""
        if not self.scene.scenario.answered and self.bench < LONG_BENCH_SECONDS:
            self._refuse_once()
        puts = [self._put() for _ in range(WARM)]
        if puts[-1].message:
            raise CheckFailed(f"{self.scene.scenario.name}: no answer while nothing was wrong: {puts[-1].message}")
        return median(one.seconds for one in puts[1:])

    def _refuse_once(self) -> None:
        """Let everybody refuse a question once, and wait until that is forgotten.

        Source: LiteLLM 1.106.2 counts the words of a question that nobody answered, and loads its tables for that:
        0.4 s, once in a generation
        """
        self.scene.vendors.fail(self.scene.scenario)
        self._put()
        self.scene.vendors.mend(self.scene.scenario)
        self.context.clock.sleep(self.bench + LATE_SECONDS)

    def _until_back(self, over: float) -> list[Put]:
        """Ask until the primary answers again, or has had its time."""
        puts: list[Put] = []
        clock = self.context.clock
        deadline = clock.now() + self.bench + BACK_SECONDS
        while clock.now() < deadline:
            puts.append(self._put())
            found = attributed(puts, [one for one in self.scene.asked() if one.at >= over], over)
            if found[-1].by == "primary":
                break
            clock.sleep(max(0.1, self.bench / AGAIN))
        return puts

    def _put(self) -> Put:
        """Put one question."""
        self._count += 1
        content = f"question {self._count} of {self.scene.scenario.name}"
        body = {"model": self.model, "max_tokens": 50, "messages": [{"role": "user", "content": content}]}
        clock = self.context.clock
        at, began = clock.wall().timestamp(), clock.now()
        try:
            message = self._streamed(body) if self.scene.scenario.stream else self._plain(body)
        except Unreachable as error:
            message = error.what
        except FlowGateError as error:
            message = error.what[:200]
        return Put(at, clock.now() - began, message)

    def _plain(self, body: Facts) -> str:
        url = f"{self.scene.base}/v1/chat/completions"
        answer = self.context.http.post(url, body, headers=self.scene.headers, timeout=self.patience)
        return "" if answer.ok else f"{answer.status} {answer.text[:300]}"

    def _streamed(self, body: Facts) -> str:
        url = f"{self.scene.base}/v1/chat/completions"
        finished = False
        lines = self.context.http.stream(
            url, {**body, "stream": True}, headers=self.scene.headers, timeout=self.patience
        )
        for chunk in chunks(lines):
            finished = finished or any(one.get("finish_reason") for one in chunk.get("choices", ()))
        return "" if finished else "the stream ended in the middle"


def attributed(puts: Sequence[Put], arrived: Sequence[Attempt], zero: float) -> list[Asked]:
    """Give each question what arrived for it: from its own moment until the next question's.

    Args:
        zero: When the scenario began, in seconds since 1970.
    """
    found = []
    for number, put in enumerate(puts):
        until = puts[number + 1].at if number + 1 < len(puts) else float("inf")
        mine = [one for one in arrived if put.at <= one.at < until]
        counts: dict[str, int] = {}
        for one in mine:
            counts[one.role] = counts.get(one.role, 0) + 1
        good = [one.role for one in mine if not one.failed]
        by = good[-1] if good and not put.message else None
        found.append(Asked(put.at - zero, put.seconds, by, counts))
    return found

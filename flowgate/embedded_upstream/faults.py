"""Vendors that fail when told to: `--faults`; any model that is asked is answered, whatever accounts there are.

`PUT /embedded/faults {"MODEL": {"status": 500, …}}` says what fails from now on, `GET /embedded/asked` what came.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream import answers
from flowgate.embedded_upstream.answers import Tree
from flowgate.embedded_upstream.completions import Question, events, render
from flowgate.embedded_upstream.lies import Receive, Scope, Send
from flowgate.embedded_upstream.responses import (
    ANTHROPIC_KINDS,
    CORS,
    RELAYED,
    body_of,
    error_body,
    failed,
    left,
    reply,
)

REMEMBERED = 10_000  # questions; of more, the oldest are forgotten
LONGEST_SECONDS = 600.0
BEGINNING = {"/v1/chat/completions": 1, "/v1/messages": 2, "/v1/responses": 4}  # events of a stream before any text
SEVERAL = "says several of status, hangs, silent and cuts; a model fails in one way"


class BadFaults(Exception):
    """MultipleErrors that nobody can have; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a model does instead of answering.

    Attributes:
        status: Refuses with it.
        retry_after: Seconds it asks for.
        hangs: Never answers.
        silent: Begins and says nothing.
        cuts: Breaks off after the first piece.
        slow: Seconds before the first piece, or before the failure.
        every: Only each so many-th question fails; 1: all.
    """

    status: int | None = None
    retry_after: int | None = None
    hangs: bool = False
    silent: bool = False
    cuts: bool = False
    slow: float = 0.0
    every: int = 1

    @property
    def fails(self) -> bool:
        """Say whether it is more than slow."""
        return self.status is not None or self.hangs or self.silent or self.cuts


SOUND = Fault()


def read(tree: Any) -> dict[str, Fault]:
    """Read `{"MODEL": {"status": 500, …}}`.

    Raises:
        BadFaults: See the message.
    """
    if not isinstance(tree, dict):
        raise BadFaults('the body must be a mapping: {"MODEL": {"status": 500}}')
    return {model: _fault(model, said) for model, said in tree.items()}


def _fault(model: str, said: Any) -> Fault:
    if not isinstance(said, dict):
        raise BadFaults(f"{model}: a fault is a mapping such as {{\"status\": 500}}, not '{said}'")
    known = [one.name for one in fields(Fault)]
    for name, value in said.items():
        if name == "refuses":
            if value is False:
                continue
            raise BadFaults(f"{model}: nobody who listens can play 'refuses'; use an address where nobody listens")
        if name not in known:
            raise BadFaults(f"{model}: no fault is called '{name}'; there are {', '.join(known)}")
        if not _fits(name, value):
            raise BadFaults(f"{model}: {name} must be {RANGES[name]}, not {value!r}")
    fault = Fault(**{name: value for name, value in said.items() if name in known})
    if (fault.status is not None) + fault.hangs + fault.silent + fault.cuts > 1:
        raise BadFaults(f"{model} {SEVERAL}")
    if fault.retry_after is not None and fault.status is None:
        raise BadFaults(f"{model}: retry_after goes with a status")
    return fault


RANGES = {
    **dict.fromkeys(("hangs", "silent", "cuts"), "true or false"),
    "status": "a whole number from 400 to 599",
    "retry_after": "a whole number of seconds, not negative",
    "slow": f"seconds from 0 to {LONGEST_SECONDS:.0f}",
    "every": "a whole number, at least 1",
}


def _fits(name: str, value: Any) -> bool:
    if name in ("hangs", "silent", "cuts"):
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return value is None and name in ("status", "retry_after")
    if name == "slow":
        return 0 <= value <= LONGEST_SECONDS
    if name == "status":
        return isinstance(value, int) and 400 <= value <= 599
    return isinstance(value, int) and value >= (1 if name == "every" else 0)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that came. at: seconds since 1970; failed: it was one of those that fail"""

    model: str
    at: float
    stream: bool
    failed: bool


@dataclass(slots=True)
class Vendors:
    """What is wrong with whom, and what was asked. ending: set where the program stops, so that nobody holds it up"""

    faults: Mapping[str, Fault] = field(default_factory=dict)
    asked: deque[Asked] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    counts: Counter[str] = field(default_factory=Counter)
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, question: Question) -> Response:
        """Answer a question, or fail as its model was told to."""
        fault = self.faults.get(question.model, SOUND)
        self.counts[question.model] += 1
        if self.counts[question.model] % fault.every:
            fault = SOUND
        self.asked.append(Asked(question.model, time.time(), question.streamed, fault.fails))
        if fault.status is not None:
            sound = _refusal(question, fault.status, fault.retry_after)
        else:
            sound = render(question, answers.answer(question.body))
        return sound if fault == SOUND else Failing(sound, question, fault, self.ending)

    async def tell(self, request: Request) -> Response:
        """Take faults; they replace those that were told before. Counting begins anew where a model's has changed."""
        before = self.faults
        try:
            self.faults = read(await body_of(request))
        except BadFaults as bad:
            return failed(str(bad), 400)
        for model in [one for one in self.counts if before.get(one) != self.faults.get(one)]:
            del self.counts[model]
        return reply({"faults": {name: _shown(fault) for name, fault in self.faults.items()}})

    async def list(self, request: Request) -> Response:
        """List what was asked, in order of arrival; forget it where the method is DELETE."""
        if request.method == "DELETE":
            self.asked.clear()
        rows = [{"model": one.model, "at": one.at, "stream": one.stream, "failed": one.failed} for one in self.asked]
        return reply({"asked": rows})


def _shown(fault: Fault) -> Tree:
    return {one.name: getattr(fault, one.name) for one in fields(Fault) if getattr(fault, one.name) != one.default}


def _refusal(question: Question, status: int, retry_after: int | None) -> Response:
    """Refuse as the vendors of a dialect do."""
    body = error_body(f"vendor says {status}", status)
    if question.path == "/v1/messages":
        body = {"type": "error", "error": {"type": ANTHROPIC_KINDS.get(status, "api_error"), **_message(body)}}
    wait = {} if retry_after is None else {"retry-after": str(retry_after)}
    return reply(body, status, RELAYED, wait)


def _message(body: Tree) -> Tree:
    return {"message": body["error"]["message"]}


class Failing(Response):
    """An answer that goes wrong on its way. sound: the answer as it would be, or the refusal"""

    def __init__(self, sound: Response, question: Question, fault: Fault, ending: asyncio.Event) -> None:
        super().__init__(status_code=sound.status_code)
        self.sound, self.question, self.fault, self.ending = sound, question, fault, ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what there is of it; uvicorn breaks off a connection whose answer was left incomplete."""
        fault, streamed = self.fault, self.question.streamed
        if streamed and fault.status is None and not fault.hangs:
            await self._begin(receive, send)
        elif await self._paused(receive):
            await _over(scope, receive, send)
        elif fault.hangs:
            await self._gone(receive)
            await _over(scope, receive, send)
        elif fault.silent or fault.cuts:
            await self._begin(receive, send)
        else:
            await self.sound(scope, receive, send)

    async def _begin(self, receive: Receive, send: Send) -> None:
        """Send the headers, and after a pause what is to be seen of the answer."""
        await send({"type": "http.response.start", "status": 200, "headers": self.sound.raw_headers})
        if self.question.streamed and await self._paused(receive):
            return
        for piece in self._pieces():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self.fault.silent:
            await self._gone(receive)
        elif not self.fault.cuts:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _pieces(self) -> list[bytes]:
        """List what is sent before it goes wrong: of an answer in one piece half, where it is cut."""
        if not self.question.streamed:
            return [bytes(self.sound.body)[: len(self.sound.body) // 2]] if self.fault.cuts else []
        before = BEGINNING.get(self.question.path, 0)
        pieces = [one.encode() for one in events(self.question, answers.answer(self.question.body))]
        if self.fault.silent:
            return pieces[:before]
        return pieces[: before + 1] if self.fault.cuts else pieces

    async def _paused(self, receive: Receive) -> bool:
        """Be slow; say whether nobody waits any more."""
        return self.fault.slow > 0 and await self._gone(receive, self.fault.slow)

    async def _gone(self, receive: Receive, seconds: float | None = None) -> bool:
        """Wait; say whether the client left or the program stops before the time is over."""
        waits = [asyncio.ensure_future(left(receive)), asyncio.ensure_future(self.ending.wait())]
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return bool(done)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


async def _over(scope: Scope, receive: Receive, send: Send) -> None:
    """End a question: nobody waits for it any more, or the program stops and whoever waits is told so."""
    await Response("the vendor stops", 503, headers={**CORS, "connection": "close"})(scope, receive, send)

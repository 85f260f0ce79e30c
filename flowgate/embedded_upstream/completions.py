"""A question on its way: which credential is asked, what its failure means for it, what the client is told.

Source: v6.8.16-0 and 7.2.101-1, run over a vendor that fails (`tests/contract/data/*.flows.json`)
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.responses import Response, StreamingResponse

from flowgate.embedded_upstream import answers
from flowgate.embedded_upstream.accounts import Account
from flowgate.embedded_upstream.answers import Answer, Tree
from flowgate.embedded_upstream.cooldown import Benches, Rota, go_duration, whole_seconds
from flowgate.embedded_upstream.responses import CORS, RELAYED, error_body, reply, shaped
from flowgate.embedded_upstream.state import State

Whole = Callable[[Answer], Tree]
Streamed = Callable[[Answer, bool], Iterator[str]]
DIALECTS: dict[str, tuple[Whole, Streamed]] = {
    "/v1/chat/completions": (answers.chat, answers.chat_stream),
    "/v1/completions": (answers.completion, answers.completion_stream),
    "/v1/messages": (answers.messages, answers.messages_stream),
    "/v1/responses": (answers.responses, answers.responses_stream),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What a client asks. key: the client's own"""

    path: str
    body: Tree
    model: str
    key: str

    @property
    def streamed(self) -> bool:
        """Say whether the answer is to be streamed."""
        return bool(self.body.get("stream"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How asking one credential went.

    Attributes:
        status: The vendor's; 0 where it was not reached.
        response: What the client gets for it.
        message: What `/auth-files` shows as `status_message`.
        tokens: Asked and said.
    """

    status: int
    response: Response
    message: str = ""
    tokens: tuple[int, int] = (0, 0)


PACE = re.compile(r"\(take (\d+(?:\.\d+)?) s\)")  # in a question: how long its stream is to take
LONGEST_SECONDS = 600.0


class Credential(Protocol):
    """Somebody who can be asked."""

    name: str
    provider: str

    @property
    def benches(self) -> Benches: ...

    def serves(self, model: str) -> bool: ...

    async def ask(self, question: Question) -> Outcome: ...

    def note(self, question: Question, outcome: Outcome) -> None: ...


class Local:
    """An account of the auth folder: the embedded upstream plays its vendor."""

    def __init__(self, state: State, account: Account) -> None:
        self.state, self.account = state, account
        self.name, self.provider = account.name, account.provider

    @property
    def benches(self) -> Benches:
        """Give its benches."""
        return self.account.benches

    def serves(self, model: str) -> bool:
        """Say whether it brings a model."""
        return any(one["id"] == model for one in self.state.accounts.models(self.account))

    async def ask(self, question: Question) -> Outcome:
        """Answer for the vendor, or fail as the vendor was told to."""
        vendor, newer = self.state.vendor, self.state.contract.newer
        vendor.calls += 1
        if vendor.status == 200:
            answer = answers.answer(question.body, self.account.person or self.name)
            return Outcome(200, render(question, answer), tokens=(answer.asked, answer.said))
        error = {"message": f"vendor says {vendor.status}", "type": "vendor_error", "code": "vendor"}
        if vendor.status == 401 and newer:  # it renews the tokens and asks once more
            vendor.calls += 1
            error |= {"type": "authentication_error", "code": "auth_unavailable"}
            self.account = self.state.accounts.update(self.name, {"disabled": False})
        body = {"error": error}
        return refusal(self.state, question, vendor.status, json.dumps(body, separators=(",", ":")).encode())

    def note(self, question: Question, outcome: Outcome) -> None:
        """Note how it went."""
        cooling = self.state.settings.cooling
        args = (question.model, outcome.status, outcome.message, self.state.now(), cooling)
        self.state.accounts.note(self.account, *args)


def render(question: Question, answer: Answer) -> Response:
    """Write an answer in the dialect of the question."""
    if not question.streamed:
        return reply(DIALECTS[question.path][0](answer), media_type=RELAYED)
    told, pieces = PACE.search(answers.last_question(question.body)), events(question, answer)
    lines = _paced(pieces, min(float(told[1]), LONGEST_SECONDS)) if told else iter(pieces)
    return StreamingResponse(lines, media_type="text/event-stream", headers=CORS)


def events(question: Question, answer: Answer) -> list[str]:
    """List the events of a streamed answer."""
    options = question.body.get("stream_options")
    with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
    return list(DIALECTS[question.path][1](answer, with_usage))


async def _paced(events: list[str], seconds: float) -> AsyncIterator[str]:
    """Give the events of a stream evenly over some seconds."""
    for event in events:
        yield event
        await asyncio.sleep(seconds / len(events))


def refusal(state: State, question: Question, status: int, data: bytes) -> Outcome:
    """Pass a vendor's refusal on: JSON as it is, anything else as the message of an error."""
    text = data.decode(errors="replace")
    try:
        tree: Any = json.loads(data)
    except ValueError:
        tree = None
    if not isinstance(tree, dict):
        body = shaped(error_body(text, status), status, question.path, state.contract)
        return Outcome(status, reply(body, status, RELAYED), text)
    changed = shaped(tree, status, question.path, state.contract)
    if changed is not tree:
        return Outcome(status, reply(changed, status, RELAYED), text)
    return Outcome(status, Response(data, status, headers={**CORS, "content-type": RELAYED}), text)


class Desk:
    """Takes questions and finds who answers them. others: the credentials that are no auth files"""

    def __init__(self, state: State, others: Callable[[], Sequence[Credential]]) -> None:
        self.state, self.others = state, others
        self.rota = Rota()

    def candidates(self, model: str) -> list[Credential]:
        """List who serves a model."""
        local: list[Credential] = [Local(self.state, one) for one in self.state.accounts.by_name.values()]
        return [one for one in (*local, *self.others()) if one.serves(model)]

    async def answer(self, question: Question) -> Response | None:
        """Answer a question; None where no credential serves its model."""
        if not self.candidates(question.model):
            return None
        retries = self.state.settings.retries
        response = await self._round(question)
        for _ in range(retries):
            wait = self._wait(question.model)
            if response.status_code < 400 or wait is None:
                break
            await asyncio.sleep(wait)
            response = await self._round(question)
        return response

    def _wait(self, model: str) -> float | None:
        """Say how long until somebody is free again; None where nobody is benched, or for too long."""
        at = self.state.now()
        left = [one.benches.left(model, at) for one in self.candidates(model)]
        if not left or min(left) <= 0 or min(left) > self.state.settings.max_wait:
            return None
        return min(left)

    async def _round(self, question: Question) -> Response:
        """Ask one after the other until somebody answers."""
        model, tried = question.model, set[str]()
        last: Response | None = None
        while True:
            at = self.state.now()
            free = {one.name: one for one in self.candidates(model) if one.name not in tried}
            free = {name: one for name, one in free.items() if one.benches.left(model, at) <= 0}
            if not free:
                return last or self._blocked(question)
            name = self.rota.pick(model, list(free), self.state.settings.fill_first)
            outcome = await self._ask(free[name], question)
            tried.add(name)
            last = outcome.response
            if outcome.status == 200:
                return last

    async def _ask(self, one: Credential, question: Question) -> Outcome:
        outcome = await one.ask(question)
        one.note(question, outcome)
        if self.state.contract.newer:
            outcome.response.headers["x-cpa-trace-id"] = secrets.token_hex(8)
        if self.state.settings.counts_usage:
            account = self.state.accounts.by_name.get(one.name)
            source, index = (account.person, account.index) if account else (one.provider, "")
            key = question.key or f"POST {question.path}"
            self.state.usage.add(key, question.model, source, index, outcome.tokens, outcome.status != 200)
        return outcome

    def _blocked(self, question: Question) -> Response:
        """Say that everybody is benched."""
        model, at, newer = question.model, self.state.now(), self.state.contract.newer
        everybody = self.candidates(model)
        providers = sorted({one.provider for one in everybody})
        if everybody and all(one.benches.status(model) == 429 for one in everybody):
            return self._cooling(model, min(one.benches.left(model, at) for one in everybody), providers)
        text = "auth_unavailable: no auth available"
        text += f" (providers={','.join(providers)}, model={model})" if newer else ""
        status = 503 if newer else 500
        body = error_body(text, status)
        return reply(shaped(body, status, question.path, self.state.contract), status, RELAYED)

    def _cooling(self, model: str, left: float, providers: list[str]) -> Response:
        seconds, newer = whole_seconds(left), self.state.contract.newer
        via = f" via provider {providers[0]}" if newer else ""
        message = f"All credentials for model {model} are cooling down{via}"
        error: Tree = {"code": "model_cooldown", "message": message, "model": model}
        error |= {"provider": providers[0]} if newer else {}
        error |= {"reset_seconds": seconds, "reset_time": go_duration(left)}
        return reply({"error": error}, 429, RELAYED, None if newer else {"retry-after": str(seconds)})

"""`openai-compatibility`: questions that go on, over plain HTTP, to an address on this machine.

Source: v6.8.16-0, asked with a local vendor behind it: JSON refusals pass as they are, an unreachable vendor benches
nobody
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.responses import Response, StreamingResponse

from flowgate.embedded_upstream.answers import Answer, Tree, event, last_question
from flowgate.embedded_upstream.completions import Outcome, Question, refusal, render
from flowgate.embedded_upstream.cooldown import Benches
from flowgate.embedded_upstream.responses import CORS, RELAYED
from flowgate.embedded_upstream.settings import Compatible
from flowgate.embedded_upstream.state import State

if TYPE_CHECKING:
    import httpx

CHAT = "/v1/chat/completions"
AGENT = "cli-proxy-openai-compat"
CONNECT_SECONDS = 10.0


class Others:
    """The credentials of `openai-compatibility`; one that stays the same over a reload keeps its benches."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._made: dict[tuple[str, str, str], Forwarded] = {}
        self._refused: set[str] = set()

    def __call__(self) -> list[Forwarded]:
        """List them as the settings have them now."""
        wanted: dict[tuple[str, str, str], Forwarded] = {}
        for entry in self.state.settings.compatible:
            if not _local(entry.base_url):
                self._refuse(entry)
                continue
            for key in entry.keys:
                identity = (entry.name, entry.base_url, key)
                one = self._made.get(identity) or Forwarded(self.state, entry, key)
                one.entry = entry
                wanted[identity] = one
        self._made = wanted
        return list(wanted.values())

    def _refuse(self, entry: Compatible) -> None:
        if entry.base_url not in self._refused:
            self._refused.add(entry.base_url)
            self.state.log(f"openai-compatibility {entry.name}: {entry.base_url} is not on this machine: left out")


class Forwarded:
    """One key of one entry."""

    def __init__(self, state: State, entry: Compatible, key: str) -> None:
        self.state, self.entry, self.key = state, entry, key
        shortened = hashlib.sha256(key.encode()).hexdigest()[:8]
        self.name, self.provider = f"{entry.name}:{entry.base_url}:{shortened}", entry.name
        self._benches = Benches()

    @property
    def benches(self) -> Benches:
        """Give its benches."""
        return self._benches

    def serves(self, model: str) -> bool:
        """Say whether it brings a model."""
        return model in self.entry.models

    def models(self) -> list[str]:
        """List what it brings."""
        return list(self.entry.models)

    def note(self, question: Question, outcome: Outcome) -> None:
        """Note how it went."""
        if outcome.status == 200:
            self._benches.succeed(question.model)
        else:
            state = self.state
            args = (question.model, outcome.status, state.now(), state.settings.cooling, state.contract.newer)
            self._benches.fail(*args)

    async def ask(self, question: Question) -> Outcome:
        """Pass a question on."""
        import httpx

        plain = question.path == CHAT
        body = question.body if plain else _as_chat(question)
        body = {**body, "model": self.entry.models[question.model]}
        where = f"{self.entry.base_url}/chat/completions"
        headers = {"authorization": f"Bearer {self.key}", "user-agent": AGENT}
        request = _client().build_request("POST", where, json=body, headers=headers)
        try:
            response = await _client().send(request, stream=True)
            if response.status_code >= 400:
                return refusal(self.state, question, response.status_code, await response.aread())
            if plain and question.streamed:
                relayed = StreamingResponse(_relay(response), media_type="text/event-stream", headers=CORS)
                return Outcome(200, relayed)
            data = await response.aread()
        except httpx.TransportError as error:
            return self._unreached(question, where, error)
        return self._answered(question, data, plain)

    def _unreached(self, question: Question, where: str, error: httpx.TransportError) -> Outcome:
        import httpx

        refused = isinstance(error, httpx.ConnectError)
        cause = f"dial tcp {urlsplit(where).netloc}: connect: connection refused" if refused else "EOF"
        told = refusal(self.state, question, 500, f'Post "{where}": {cause}'.encode())
        return Outcome(0, told.response, told.message)

    def _answered(self, question: Question, data: bytes, plain: bool) -> Outcome:
        tree = _tree(data)
        usage = tree.get("usage") if isinstance(tree.get("usage"), dict) else {}
        tokens = (_count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))
        if plain:
            return Outcome(200, Response(data, headers={**CORS, "content-type": RELAYED}), tokens=tokens)
        digest = hashlib.sha256(data).hexdigest()[:24]
        answer = Answer(str(tree.get("model") or question.model), _said(tree), digest, *tokens)
        return Outcome(200, render(question, answer), tokens=tokens)


@cache
def _client() -> httpx.AsyncClient:
    import httpx

    timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
    return httpx.AsyncClient(timeout=timeout, trust_env=False, limits=httpx.Limits(max_connections=None))


async def _relay(response: httpx.Response) -> AsyncIterator[bytes]:
    """Pass a stream on; one that breaks off ends with an error in the stream."""
    import httpx

    async with contextlib.aclosing(response):
        try:
            async for piece in response.aiter_bytes():
                yield piece
        except httpx.TransportError:
            error = {"message": "unexpected EOF", "type": "server_error", "code": "internal_server_error"}
            yield event({"error": error}).encode()


def _as_chat(question: Question) -> Tree:
    """Ask in chat what was asked in another dialect: the last text is what counts here."""
    asked = {"messages": [{"role": "user", "content": last_question(question.body)}]}
    return {**asked, **{name: question.body[name] for name in ("max_tokens", "temperature") if name in question.body}}


def _said(tree: Tree) -> str:
    choices = tree.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    message = first.get("message") if isinstance(first, dict) else {}
    return str(message.get("content") or "") if isinstance(message, dict) else ""


def _tree(data: bytes) -> Tree:
    try:
        tree = json.loads(data)
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _count(usage: Any, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else 0
    return value if isinstance(value, int) else 0


def _local(url: str) -> bool:
    address = urlsplit(url)
    host = address.hostname or ""
    return address.scheme == "http" and (host in ("localhost", "::1") or host.startswith("127."))

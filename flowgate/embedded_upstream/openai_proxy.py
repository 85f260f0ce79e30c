"""`openai-compatibility`: requests that are forwarded over plain HTTP to an address on this machine.

Source: v6.8.16-0 with a local vendor behind it: errors in JSON are passed on unchanged, and a vendor that cannot be
reached starts no cooldown
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator
from functools import cache
from urllib.parse import urlsplit

import httpx
from starlette.responses import Response, StreamingResponse

from flowgate.embedded_upstream.answers import Answer, last_prompt
from flowgate.embedded_upstream.completions import CompletionRequest, Outcome, render, vendor_error
from flowgate.embedded_upstream.cooldown import Cooldowns
from flowgate.embedded_upstream.events import event
from flowgate.embedded_upstream.json_data import JsonObject, mapping, objects, parse_object, text
from flowgate.embedded_upstream.responses import CORS, RELAYED
from flowgate.embedded_upstream.settings import CompatibleEndpoint
from flowgate.embedded_upstream.state import State
from flowgate.embedded_upstream.usage import Tokens

CHAT = "/v1/chat/completions"
USER_AGENT = "cli-proxy-openai-compat"
CONNECT_SECONDS = 10.0


class CompatibleCredentials:
    """The credentials of `openai-compatibility`; an unchanged one keeps its cooldowns over a reload."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._credentials: dict[tuple[str, str, str], CompatibleCredential] = {}
        self._reported: set[str] = set()

    def __call__(self) -> list[CompatibleCredential]:
        """Return the credentials of the present settings."""
        credentials: dict[tuple[str, str, str], CompatibleCredential] = {}
        for endpoint in self.state.settings.compatible:
            if not _is_local(endpoint.base_url):
                self._report(endpoint)
                continue
            for key in endpoint.keys:
                identity = (endpoint.name, endpoint.base_url, key)
                credential = self._credentials.get(identity) or CompatibleCredential(self.state, endpoint, key)
                credential.endpoint = endpoint
                credentials[identity] = credential
        self._credentials = credentials
        return list(credentials.values())

    def _report(self, endpoint: CompatibleEndpoint) -> None:
        if endpoint.base_url not in self._reported:
            self._reported.add(endpoint.base_url)
            where = f"openai-compatibility {endpoint.name}: {endpoint.base_url}"
            self.state.log(f"{where} is not on this machine: ignored")


class CompatibleCredential:
    """One key of one endpoint."""

    def __init__(self, state: State, endpoint: CompatibleEndpoint, key: str) -> None:
        self.state, self.endpoint, self.key = state, endpoint, key
        digest = hashlib.sha256(key.encode()).hexdigest()[:8]
        self.name, self.provider = f"{endpoint.name}:{endpoint.base_url}:{digest}", endpoint.name
        self.cooldowns = Cooldowns()

    def offers(self, model: str) -> bool:
        """Return whether the endpoint offers a model."""
        return model in self.endpoint.models

    def record(self, request: CompletionRequest, outcome: Outcome) -> None:
        """Record how a request ended."""
        if outcome.status == 200:
            self.cooldowns.succeed(request.model)
            return
        now, newer = self.state.now(), self.state.contract.newer
        enabled = self.state.settings.cooldowns_enabled
        self.cooldowns.fail(request.model, outcome.status, now, enabled=enabled, newer=newer)

    async def send(self, request: CompletionRequest) -> Outcome:
        """Forward a request."""
        is_chat = request.path == CHAT
        if not is_chat and (lost := _not_forwarded(request.body)):
            return vendor_error(request, 400, lost.encode(), self.state.contract)
        model = self.endpoint.models[request.model]
        body: JsonObject = {**(request.body if is_chat else _as_chat(request)), "model": model}
        url = f"{self.endpoint.base_url}/chat/completions"
        headers = {"authorization": f"Bearer {self.key}", "user-agent": USER_AGENT}
        outgoing = _client().build_request("POST", url, json=body, headers=headers)
        try:
            response = await _client().send(outgoing, stream=True)
            if response.status_code >= 400:
                return vendor_error(request, response.status_code, await response.aread(), self.state.contract)
            if is_chat and request.streamed:
                stream = StreamingResponse(_relay(response), media_type="text/event-stream", headers=CORS)
                return Outcome(200, stream)
            data = await response.aread()
        except httpx.TransportError as error:
            return self._not_reached(request, url, error)
        return _relayed(data) if is_chat else _converted(request, data)

    def _not_reached(self, request: CompletionRequest, url: str, error: httpx.TransportError) -> Outcome:
        refused = isinstance(error, httpx.ConnectError)
        cause = f"dial tcp {urlsplit(url).netloc}: connect: connection refused" if refused else "EOF"
        outcome = vendor_error(request, 500, f'Post "{url}": {cause}'.encode(), self.state.contract)
        return Outcome(0, outcome.response, outcome.message)


@cache
def _client() -> httpx.AsyncClient:
    timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
    return httpx.AsyncClient(timeout=timeout, trust_env=False, limits=httpx.Limits(max_connections=None))


async def _relay(response: httpx.Response) -> AsyncIterator[bytes]:
    """Pass a stream on; if the vendor breaks it off, add an error event."""
    async with contextlib.aclosing(response):
        try:
            async for piece in response.aiter_bytes():
                yield piece
        except httpx.TransportError:
            error: JsonObject = {"message": "unexpected EOF", "type": "server_error", "code": "internal_server_error"}
            yield event({"error": error}).encode()


def _relayed(data: bytes) -> Outcome:
    response = Response(data, headers={**CORS, "content-type": RELAYED})
    return Outcome(200, response, tokens=_tokens(parse_object(data) or {}))


def _converted(request: CompletionRequest, data: bytes) -> Outcome:
    """Convert a chat response to the format of another endpoint."""
    body = parse_object(data) or {}
    message = mapping(next(iter(objects(body.get("choices"))), {}).get("message"))
    model, digest, tokens = body.get("model") or request.model, hashlib.sha256(data).hexdigest()[:24], _tokens(body)
    answer = Answer(str(model), text(message.get("content")), digest, tokens)
    return Outcome(200, render(request, answer), tokens=tokens)


def _as_chat(request: CompletionRequest) -> JsonObject:
    """Build a chat request from one in another format; only the last prompt is kept."""
    asked: JsonObject = {"messages": [{"role": "user", "content": last_prompt(request.body)}]}
    return asked | {name: request.body[name] for name in ("max_tokens", "temperature") if name in request.body}


def _not_forwarded(body: JsonObject) -> str:
    """Return why a request in another format than chat cannot be forwarded; empty if it can."""
    if not body.get("tools"):
        return ""
    return (
        "the embedded upstream forwards tools to openai-compatibility over /v1/chat/completions alone: ask there, "
        "leave the tools out, or use the real CLIProxyAPIPlus"
    )


def _tokens(body: JsonObject) -> Tokens:
    usage = mapping(body.get("usage"))
    counts = (usage.get(name) for name in ("prompt_tokens", "completion_tokens"))
    return Tokens(*(count if isinstance(count, int) else 0 for count in counts))


def _is_local(url: str) -> bool:
    address = urlsplit(url)
    host = address.hostname or ""
    return address.scheme == "http" and (host in ("localhost", "::1") or host.startswith("127."))

"""Which credential gets a request, and what its failure means for the next ones.

Source: v6.8.16-0 and 7.2.101-1, run with a failing vendor behind them (`tests/contract/data/*.flows.json`)
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from starlette.responses import Response

from flowgate.embedded_upstream import go_format
from flowgate.embedded_upstream.accounts import Account
from flowgate.embedded_upstream.answers import complete
from flowgate.embedded_upstream.completions import CompletionRequest, Outcome, render, vendor_error
from flowgate.embedded_upstream.cooldown import Cooldowns, Rotation, whole_seconds
from flowgate.embedded_upstream.json_data import JsonObject
from flowgate.embedded_upstream.responses import RELAYED, error_body, in_dialect, reply
from flowgate.embedded_upstream.state import State
from flowgate.embedded_upstream.usage import Record


class Credential(Protocol):
    """Something that a request can be sent with."""

    name: str
    provider: str

    @property
    def cooldowns(self) -> Cooldowns:
        """Its cooldowns."""

    def offers(self, model: str) -> bool:
        """Return whether it offers a model."""

    async def send(self, request: CompletionRequest) -> Outcome:
        """Send a request."""

    def record(self, request: CompletionRequest, outcome: Outcome) -> None:
        """Record how a request ended."""


class AccountCredential:
    """An account of the auth folder; its vendor is simulated."""

    def __init__(self, state: State, account: Account) -> None:
        self.state, self.account = state, account
        self.name, self.provider = account.name, account.provider

    @property
    def cooldowns(self) -> Cooldowns:
        """The account's cooldowns."""
        return self.account.cooldowns

    def offers(self, model: str) -> bool:
        """Return whether the account offers a model."""
        return any(one["id"] == model for one in self.state.accounts.models(self.account))

    async def send(self, request: CompletionRequest) -> Outcome:
        """Answer for the vendor, or fail with the status that was set for it."""
        vendor, contract = self.state.vendor, self.state.contract
        vendor.calls += 1
        if vendor.status == 200:
            answer = complete(request.body, self.account.owner or self.name, request.path)
            return Outcome(200, render(request, answer), tokens=answer.tokens)
        error = {"message": f"vendor says {vendor.status}", "type": "vendor_error", "code": "vendor"}
        if vendor.status == 401 and contract.newer:  # it refreshes the tokens and sends the request once more
            vendor.calls += 1
            error |= {"type": "authentication_error", "code": "auth_unavailable"}
            self.account = self.state.accounts.update(self.name, {"disabled": False})
        body = json.dumps({"error": error}, separators=(",", ":")).encode()
        return vendor_error(request, vendor.status, body, contract)

    def record(self, request: CompletionRequest, outcome: Outcome) -> None:
        """Record how a request ended."""
        enabled = self.state.settings.cooldowns_enabled
        args = (self.account, request.model, outcome.status, outcome.message, self.state.now())
        self.state.accounts.record(*args, enabled=enabled)


class Dispatcher:
    """Sends requests with the credentials that offer their model."""

    def __init__(self, state: State, compatible: Callable[[], Sequence[Credential]]) -> None:
        """Create a dispatcher.

        Args:
            state: The shared state.
            compatible: Returns the credentials of `openai-compatibility`.
        """
        self.state, self.compatible = state, compatible
        self.rotation = Rotation()

    def _candidates(self, model: str) -> list[Credential]:
        accounts = [AccountCredential(self.state, one) for one in self.state.accounts.by_name.values()]
        return [one for one in (*accounts, *self.compatible()) if one.offers(model)]

    async def dispatch(self, request: CompletionRequest) -> Response | None:
        """Answer a request.

        Returns:
            The response; None if no credential offers the model.
        """
        if not self._candidates(request.model):
            return None
        response = await self._attempt(request)
        for _ in range(self.state.settings.retries):
            wait = self._retry_wait(request.model)
            if response.status_code < 400 or wait is None:
                break
            await asyncio.sleep(wait)
            response = await self._attempt(request)
        return response

    def _retry_wait(self, model: str) -> float | None:
        """Return the seconds until a credential leaves its cooldown; None if there is none or that is too long."""
        now = self.state.now()
        shortest = min((one.cooldowns.seconds_left(model, now) for one in self._candidates(model)), default=0.0)
        return shortest if 0 < shortest <= self.state.settings.max_retry_wait else None

    async def _attempt(self, request: CompletionRequest) -> Response:
        """Send the request with one free credential after the other until one succeeds."""
        model, tried = request.model, set[str]()
        last: Response | None = None
        while True:
            now = self.state.now()
            untried = [one for one in self._candidates(model) if one.name not in tried]
            free = {one.name: one for one in untried if one.cooldowns.seconds_left(model, now) <= 0}
            if not free:
                return last or self._unavailable(request)
            name = self.rotation.pick(model, list(free), self.state.settings.fill_first)
            outcome = await self._send(free[name], request)
            tried.add(name)
            last = outcome.response
            if outcome.status == 200:
                return last

    async def _send(self, credential: Credential, request: CompletionRequest) -> Outcome:
        began, at = self.state.now(), datetime.now(UTC)
        outcome = await credential.send(request)
        credential.record(request, outcome)
        if self.state.contract.newer:
            outcome.response.headers["x-cpa-trace-id"] = secrets.token_hex(8)
        if self.state.settings.usage_enabled:
            self._count(credential, request, outcome, (at, self.state.now() - began))
        return outcome

    def _count(
        self, credential: Credential, request: CompletionRequest, outcome: Outcome, when: tuple[datetime, float]
    ) -> None:
        account = self.state.accounts.by_name.get(credential.name)
        source, index = (account.owner, account.index) if account else (credential.provider, "")
        at, seconds = when
        record = Record(
            client=request.client_key or f"POST {request.path}",
            model=request.model,
            source=source,
            auth_index=index,
            tokens=outcome.tokens,
            failed=outcome.status != 200,
            at=at,
            provider=credential.provider,
            path=request.path,
            status=outcome.status,
            seconds=seconds,
            error=outcome.message,
            headers=self.state.vendor.headers if account else {},
        )
        self.state.usage.add(record)

    def _unavailable(self, request: CompletionRequest) -> Response:
        """Report that all credentials are in cooldown."""
        model, contract, candidates = request.model, self.state.contract, self._candidates(request.model)
        providers = sorted({one.provider for one in candidates})
        if candidates and all(one.cooldowns.status(model) == 429 for one in candidates):
            now = self.state.now()
            return self._cooling(model, min(one.cooldowns.seconds_left(model, now) for one in candidates), providers[0])
        message = "auth_unavailable: no auth available"
        message += f" (providers={','.join(providers)}, model={model or 'unknown'})" if contract.newer else ""
        status = 503 if contract.newer else 500
        return reply(in_dialect(error_body(message, status), status, request.path, contract), status, RELAYED)

    def _cooling(self, model: str, left: float, provider: str) -> Response:
        seconds, newer = whole_seconds(left), self.state.contract.newer
        via = f" via provider {provider}" if newer else ""
        error: JsonObject = {
            "code": "model_cooldown",
            "message": f"All credentials for model {model} are cooling down{via}",
            "model": model,
            **({"provider": provider} if newer else {}),
            "reset_seconds": seconds,
            "reset_time": go_format.duration(left),
        }
        return reply({"error": error}, 429, RELAYED, None if newer else {"retry-after": str(seconds)})

"""The model lists of `/v1/models` and `/v1beta/models`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream.client_auth import refuse
from flowgate.embedded_upstream.openai_proxy import CompatibleCredential
from flowgate.embedded_upstream.responses import reply
from flowgate.embedded_upstream.state import State

EMBEDDED_CREATED = 1_700_000_000


class ListedModel(NamedTuple):
    """One model of the list."""

    id: str
    owner: str
    created: int


class ModelList:
    """The handlers for model lists."""

    def __init__(self, state: State, compatible: Callable[[], Sequence[CompatibleCredential]]) -> None:
        """Create the handlers.

        Args:
            state: The shared state.
            compatible: Returns the credentials of `openai-compatibility`.
        """
        self.state, self.compatible = state, compatible

    def models(self) -> list[ListedModel]:
        """Return each model that can be requested once; the first owner wins."""
        found: dict[str, ListedModel] = {}
        for model in self._offered():
            found.setdefault(model.id, model)
        return list(found.values())

    def _offered(self) -> Iterator[ListedModel]:
        now = self.state.now()
        for name in self.state.settings.models:
            yield ListedModel(name, "embedded", EMBEDDED_CREATED)
        for account in self.state.accounts.by_name.values():
            for model in self.state.accounts.models(account):
                if not account.cooldowns.unlisted(model["id"], now):
                    yield ListedModel(model["id"], model["owned_by"], model["created"])
        for credential in self.compatible():
            for name in credential.endpoint.models:
                if not credential.cooldowns.unlisted(name, now):
                    yield ListedModel(name, credential.provider, int(time.time()))

    async def openai(self, request: Request) -> Response:
        """Answer `/v1/models`, in the format that the client's headers and query ask for."""
        if refused := refuse(self.state, request):
            return refused
        listed, newer = self.models(), self.state.contract.newer
        claude = request.headers.get("user-agent", "").startswith("claude-cli")
        if claude or (newer and "anthropic-version" in request.headers):
            data = [{"id": one.id, "object": "model", "owned_by": one.owner, "type": "model"} for one in listed]
            ends = {"first_id": listed[0].id if listed else "", "last_id": listed[-1].id if listed else ""}
            return reply({"data": data, "has_more": False, **ends})
        if newer and "client_version" in request.query_params:
            return reply({"models": [{"slug": one.id, "display_name": one.id} for one in listed]})
        rows = [{"created": at, "id": name, "object": "model", "owned_by": owner} for name, owner, at in listed]
        return reply({"data": rows, "object": "list"})

    async def gemini(self, request: Request) -> Response:
        """Answer `/v1beta/models`."""
        refused = refuse(self.state, request)
        return refused or reply({"models": [{"name": f"models/{one.id}"} for one in self.models()]})

    async def gemini_model(self, request: Request) -> Response:
        """Answer `/v1beta/models/NAME`: no model is available there."""
        if refused := refuse(self.state, request):
            return refused
        if request.method == "GET":
            return reply({"error": {"message": "Not Found", "type": "not_found"}}, 404)
        message = f"{request.url.path} not found."
        return reply({"error": {"message": message, "type": "invalid_request_error"}}, 404)

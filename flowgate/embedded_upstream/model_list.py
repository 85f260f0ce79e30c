"""The model lists of `/v1/models` and `/v1beta/models`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream import listed_models
from flowgate.embedded_upstream.anonymous import AnonymousCredential
from flowgate.embedded_upstream.client_auth import refuse
from flowgate.embedded_upstream.json_data import mapping
from flowgate.embedded_upstream.listed_models import ListedModel
from flowgate.embedded_upstream.openai_proxy import CompatibleCredential
from flowgate.embedded_upstream.responses import reply
from flowgate.embedded_upstream.state import State
from flowgate.embedded_upstream.versions import Model

EMBEDDED_CREATED = 1_700_000_000


class ModelList:
    """The handlers for model lists."""

    def __init__(
        self,
        state: State,
        compatible: Callable[[], Sequence[CompatibleCredential]],
        anonymous: Sequence[AnonymousCredential] = (),
    ) -> None:
        """Create the handlers.

        Args:
            state: The shared state.
            compatible: Returns the credentials of `openai-compatibility`.
            anonymous: The accesses without an account.
        """
        self.state, self.compatible, self.anonymous = state, compatible, anonymous

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
                    yield _listed(model)
        for credential in self.compatible():
            for name in credential.endpoint.models:
                if not credential.cooldowns.unlisted(name, now):
                    yield ListedModel(name, credential.provider, int(time.time()))
        for access in self.anonymous:
            yield from map(_listed, access.models())

    async def openai(self, request: Request) -> Response:
        """Answer `/v1/models`, in the format that the client's headers and query ask for."""
        if refused := refuse(self.state, request):
            return refused
        listed, contract = self.models(), self.state.contract
        claude = request.headers.get("user-agent", "").startswith("claude-cli")
        if claude or (contract.newer and "anthropic-version" in request.headers):
            setting = mapping(self.state.settings.document.get("claude-code")).get("disable-cloaking-model-list")
            return reply(listed_models.anthropic(listed, newest=contract.newest, disguised=not setting))
        if contract.newer and "client_version" in request.query_params:
            return reply(listed_models.codex(listed))
        return reply(listed_models.openai(listed))

    async def gemini(self, request: Request) -> Response:
        """Answer `/v1beta/models`."""
        refused = refuse(self.state, request)
        return refused or reply(listed_models.gemini(self.models(), newest=self.state.contract.newest))

    async def gemini_model(self, request: Request) -> Response:
        """Answer `/v1beta/models/NAME`: no model is available there."""
        if refused := refuse(self.state, request):
            return refused
        if request.method == "GET":
            return reply({"error": {"message": "Not Found", "type": "not_found"}}, 404)
        message = f"{request.url.path} not found."
        return reply({"error": {"message": message, "type": "invalid_request_error"}}, 404)


def _listed(model: Model) -> ListedModel:
    limits = model.get("context_length", 0), model.get("max_completion_tokens", 0)
    return ListedModel(model["id"], model["owned_by"], model["created"], model.get("display_name", ""), *limits)

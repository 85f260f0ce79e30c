"""Providers to which the real program sends requests without an account; here their vendors cannot be reached.

Source: 7.2.137-9, sdk/cliproxy/service_executors.go, `ensureAnonymousAuths`; `oauth-excluded-models` removes their
models, and a request without a model is sent to them all the same.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from flowgate.embedded_upstream import versions
from flowgate.embedded_upstream.completions import CompletionRequest, Outcome, vendor_error
from flowgate.embedded_upstream.cooldown import Cooldowns
from flowgate.embedded_upstream.json_data import mapping
from flowgate.embedded_upstream.responses import unreachable
from flowgate.embedded_upstream.state import State
from flowgate.embedded_upstream.versions import Model

HOST = "api.kilo.ai"
URL = f"https://{HOST}/api/gateway/chat/completions"
VENDOR_FAILED = 500


class AnonymousCredential:
    """The access to one provider without an account."""

    def __init__(self, state: State, provider: str) -> None:
        self.state, self.provider, self.name = state, provider, f"{provider}-anonymous"
        self.cooldowns = Cooldowns()

    def models(self) -> list[Model]:
        """Return the models that are offered: those of the provider that the config does not exclude."""
        patterns = mapping(self.state.settings.document.get("oauth-excluded-models")).get(self.provider)
        excluded = [str(one).strip().lower() for one in patterns] if isinstance(patterns, list) else []
        listed = versions.models(self.state.contract, self.provider)
        return [one for one in listed if not any(fnmatchcase(one["id"].lower(), pattern) for pattern in excluded)]

    def offers(self, model: str) -> bool:
        """Return whether a request for a model is sent to the provider."""
        return not model or any(one["id"] == model for one in self.models())

    async def send(self, request: CompletionRequest) -> Outcome:
        """Fail as if the provider could not be reached: this program never connects to it."""
        cause = unreachable(self.state.settings.proxy_url, HOST)
        return vendor_error(request, VENDOR_FAILED, f'Post "{URL}": {cause}'.encode(), self.state.contract)

    def record(self, request: CompletionRequest, outcome: Outcome) -> None:
        """Record how a request ended."""
        enabled, newer = self.state.settings.cooldowns_enabled, self.state.contract.newer
        self.cooldowns.fail(request.model, outcome.status, self.state.now(), enabled=enabled, newer=newer)


def credentials(state: State) -> list[AnonymousCredential]:
    """Return the accesses that the line has without an account; none for most."""
    return [AnonymousCredential(state, provider) for provider in state.contract.anonymous_providers]

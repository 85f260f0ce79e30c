"""How often LiteLLM retries a failed attempt, for each kind of failure and each deployment; pure.

Source: LiteLLM 1.106.2 and 1.108.7, `async_function_with_retries` and `resolve_retry_policy`. A retry policy of the
model takes the place of the router's; what a policy names, or its `DefaultRetries`, has precedence over `num_retries`,
and a deployment's `num_retries` over the router's. Without a policy a 404 is never retried, and a 401 only if the model
has several deployments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowgate.domain import Deployment, LiteLLMSettings

LIBRARY_RETRIES = 2
DEFAULT = "DefaultRetries"
KINDS = {
    "refusal": ("InternalServerErrorRetries", "ServiceUnavailableErrorRetries"),
    "429": ("RateLimitErrorRetries",),
    "timeout": ("TimeoutErrorRetries",),
    "401": ("AuthenticationErrorRetries",),
    "404": ("NotFoundErrorRetries",),
}
TRANSIENT = ("refusal", "429", "timeout")


class RetryCounts:
    """The retries of one profile."""

    def __init__(self, settings: LiteLLMSettings) -> None:
        """Read LiteLLM's settings; what counts is in `router_settings` and the deployments."""
        self._router: Mapping[str, object] = dict(settings.get("router_settings") or {})
        self._entries = list(settings.get("model_list", ()))

    def of(self, entry: Deployment, kind: str) -> int:
        """Return the retries after one kind of failure of a deployment.

        Args:
            entry: The deployment.
            kind: A key of `KINDS`.
        """
        own = _integer(entry["litellm_params"].get("num_retries"))
        plain = self._plain if own is None else own
        policy = self._policy(entry["model_name"])
        without = plain if kind in TRANSIENT or (kind == "401" and self._has_alternatives(entry)) else 0
        counts = (_integer(policy.get(key, policy.get(DEFAULT))) for key in KINDS[kind])
        return max(without if count is None else count for count in counts)

    def most(self, kind: str) -> int:
        """Return the retries after one kind of failure, of the deployment that has most."""
        plain = self._plain if kind in TRANSIENT else 0
        return max((self.of(entry, kind) for entry in self._entries), default=plain)

    @property
    def _plain(self) -> int:
        found = _integer(self._router.get("num_retries"))
        return LIBRARY_RETRIES if found is None else found

    def _policy(self, model: str) -> Mapping[str, object]:
        groups = self._router.get("model_group_retry_policy")
        own = groups.get(model) if isinstance(groups, dict) else None
        found = self._router.get("retry_policy") if own is None else own
        return {key: value for key, value in found.items() if value is not None} if isinstance(found, dict) else {}

    def _has_alternatives(self, entry: Deployment) -> bool:
        return sum(one["model_name"] == entry["model_name"] for one in self._entries) > 1


def policies(settings: LiteLLMSettings) -> Sequence[tuple[str, Mapping[str, object]]]:
    """Return every retry policy with the path of its setting.

    Args:
        settings: LiteLLM's settings.
    """
    router: Mapping[str, object] = dict(settings.get("router_settings") or {})
    groups = router.get("model_group_retry_policy")
    named = groups.items() if isinstance(groups, dict) else ()
    found = [("router_settings.retry_policy", router.get("retry_policy"))]
    found += [(f"router_settings.model_group_retry_policy.{name}", one) for name, one in named]
    return [(path, one) for path, one in found if isinstance(one, dict)]


def _integer(value: object) -> int | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number else None  # type: ignore[call-overload]

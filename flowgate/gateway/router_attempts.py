"""Record each attempt of LiteLLM's router, inside its process, in the row of the request that it belongs to.

Source: LiteLLM 1.106.2 and 1.108.7, litellm/router.py: for every endpoint, each try, retry and fallback is one call of
`Router.make_call`, within which `Router.async_get_available_deployment` chooses the deployment.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flowgate.gateway import cooldown_left, failure_causes, retry_after, router_inside
from flowgate.request_filter.exchange import CURRENT
from flowgate.request_filter.recent import BROKEN_STREAM, Attempt, RecentRequest
from flowgate.request_filter.unavailable import NOT_ASKED
from flowgate.request_filter.upstreams import Upstreams
from flowgate.system.clock import Clock

Method = Callable[..., Awaitable[Any]]
CALL, CHOOSE = "make_call", "async_get_available_deployment"
SKIPPED = "_retry_skipped_deployment_ids"  # deployments that the router leaves out if there are others
INSTALLED = "flowgate_wrapper"
ATTEMPT: ContextVar[Attempt | None] = ContextVar("flowgate_attempt", default=None)


class DeploymentUnreachable(Exception):
    """A deployment was not asked, because the service that it is behind is down.

    The status makes the router use fallbacks at once, without retries and without a cooldown.
    """

    status_code = NOT_ASKED
    ends_attempt = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.message = reason


def install(router_class: Any, upstreams: Upstreams) -> str:
    """Wrap the two methods of a router class.

    Args:
        router_class: LiteLLM's `Router`; None when it has none.
        upstreams: The services that deployments are behind.

    Returns:
        Why attempts cannot be recorded; empty when they are.
    """
    for name in (CALL, CHOOSE):
        if not inspect.iscoroutinefunction(getattr(router_class, name, None)):
            return f"this LiteLLM has no Router.{name}"
    if not hasattr(getattr(router_class, CALL), INSTALLED):
        setattr(router_class, CALL, _recorded(getattr(router_class, CALL)))
        setattr(router_class, CHOOSE, _observed(getattr(router_class, CHOOSE), upstreams))
    return ""


def _recorded(call: Method) -> Method:
    """Wrap `make_call`: one call is one attempt."""

    @wraps(call)
    async def make_call(self: Any, *args: Any, **kwargs: Any) -> Any:
        row = CURRENT.get()
        if row is None or "attempts" not in row:
            return await call(self, *args, **kwargs)
        attempt, began = _begin(row, str(kwargs.get("model") or "")), Clock().now()
        token = ATTEMPT.set(attempt)
        try:
            response = await call(self, *args, **kwargs)
        except BaseException as error:
            _note_error(attempt, error)
            raise
        else:
            attempt["error"] = ""
            attempt["stream"] = hasattr(response, "__aiter__")
            return response
        finally:
            attempt["seconds"] = round(Clock().now() - began, 3)
            ATTEMPT.reset(token)

    setattr(make_call, INSTALLED, True)
    return make_call


def _begin(row: RecentRequest, model: str) -> Attempt:
    attempts = row["attempts"]
    if attempts and attempts[-1].get("stream") and not attempts[-1]["error"]:
        attempts[-1]["error"] = BROKEN_STREAM  # else the router would not try another deployment
    attempt: Attempt = {
        "model": model,
        "deployment": "",
        "id": "",
        "host": "",
        "at": Clock().wall().timestamp(),
        "seconds": None,
        "status": None,
        "error": "in progress",
    }
    attempts.append(attempt)
    return attempt


def _note_error(attempt: Attempt, error: BaseException) -> None:
    attempt["error"], attempt["status"] = failure_causes.kind(error), failure_causes.status(error)
    if (asked := retry_after.seconds(error, attempt["at"])) is not None:
        attempt["retry_after"] = asked
    if short := failure_causes.shortage(error):
        attempt["obstacle"] = short
    if isinstance(error, DeploymentUnreachable):
        attempt["error"], attempt["status"], attempt["obstacle"] = "not asked", None, str(error)


def note_late_failure(deployment: str, error: BaseException) -> None:
    """Note that a stream, whose beginning was an answer, broke off.

    Args:
        deployment: The deployment's id.
        error: The failure.
    """
    row = CURRENT.get()
    for attempt in row.get("attempts", ()) if row else ():
        if attempt["id"] == deployment and attempt.get("stream") and not attempt["error"]:
            attempt["error"] = f"{BROKEN_STREAM} ({failure_causes.kind(error)})"


def _observed(choose: Method, upstreams: Upstreams) -> Method:
    """Wrap `async_get_available_deployment`: note the deployment, and leave out those that cannot be reached.

    An error that all are in cooldown names the time that is left.
    """

    @wraps(choose)
    async def async_get_available_deployment(self: Any, *args: Any, **kwargs: Any) -> Any:
        if upstreams.down:
            _skip_unreachable(self, kwargs.get("request_kwargs"), upstreams)
        try:
            chosen = await choose(self, *args, **kwargs)
        except Exception as error:
            await cooldown_left.correct(self, error)
            raise
        params = chosen.get("litellm_params") or {}
        attempt = ATTEMPT.get()
        if attempt is not None and not attempt["deployment"]:
            _note_deployment(attempt, params, chosen.get("model_info") or {})
            if service := upstreams.service_at(str(params.get("api_base") or "")):
                attempt["service"] = service
        if obstacle := upstreams.obstacle(str(params.get("api_base") or "")):
            raise DeploymentUnreachable(obstacle)
        return chosen

    return async_get_available_deployment


def _note_deployment(attempt: Attempt, params: Mapping[str, Any], info: Mapping[str, Any]) -> None:
    attempt["deployment"], attempt["id"] = str(params.get("model") or ""), str(info.get("id") or "")
    attempt["host"] = host(str(params.get("api_base") or ""))


def host(base: str) -> str:
    """Return host and port of an address, without a user's name and password.

    Args:
        base: The address.
    """
    try:
        parts = urlsplit(base)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.hostname or ''}{port}"


def _skip_unreachable(router: Any, request: Any, upstreams: Upstreams) -> None:
    """Let the router choose other deployments of the same model, if there are any."""
    if not isinstance(request, dict):
        return
    found = [
        router_inside.number(one)
        for one in router_inside.deployments(router)
        if upstreams.obstacle(router_inside.address(one))
    ]
    request[SKIPPED] = tuple(sorted({*(request.get(SKIPPED) or ()), *found}))

"""Requests that LiteLLM has received: as its generations and the ledger have them, and in words."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, TypedDict

from flowgate.errors import NotReady

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from flowgate.ledger import entries
    from flowgate.ledger.history import Past
    from flowgate.request_filter.recent import Attempt, RecentRequest

HEADER = "x-litellm-"
ID_HEADER = HEADER + "call-id"
SERVICE = "litellm"
REFUSED, OWN_CLIENT = "refused", "flowgate"  # as flowgate/ledger/entries.py has them


class TriedDeployment(TypedDict):
    """One attempt of a request; docs/json.md describes the keys."""

    model: str
    deployment: str
    id: str
    host: str
    seconds: float | None
    status: int | None
    error: str
    obstacle: str


class Tokens(TypedDict):
    """Tokens of a request; docs/json.md describes the keys."""

    prompt: int
    completion: int
    cached: int
    reasoning: int


class ServedRequest(TypedDict):
    """One request that LiteLLM has received; docs/json.md describes the keys."""

    id: str
    at: str
    path: str
    status: int | None
    seconds: float | None
    generation: int
    litellm: str
    own: bool
    client: str
    count: int
    refused: str
    asked: str
    leads_to: str
    answered: str
    base: str
    retries: int | None
    fallbacks: int | None
    attempts: list[TriedDeployment] | None
    profile: str
    first_piece: float | None
    tokens: Tokens | None
    cost_usd: float | None
    price: str
    error: str


def litellm_address(session: Session) -> str:
    """Return host and port of LiteLLM's public listener.

    Args:
        session: Config and supervisor.

    Raises:
        NotReady: LiteLLM is not running.
    """
    generations = session.supervisor.status()["services"].get(SERVICE, {}).get("generations", ())
    serving = next((one for one in generations if one["phase"] == "serving"), None)
    if serving is None:
        from flowgate.cli import reach

        raise NotReady(f"{SERVICE} is not running", fix=reach.fix(session, "…"))
    return f"{serving['host']}:{serving['port']}"


# --- rows


def served_requests(session: Session) -> list[ServedRequest]:
    """Return the requests that LiteLLM's generations have recorded, oldest first.

    Args:
        session: Config and supervisor.
    """
    return [served_request(one) for one in session.supervisor.recent_requests(SERVICE)]


def served_request(recorded: RecentRequest) -> ServedRequest:
    """Return a recorded request as `--json` prints it.

    Args:
        recorded: The worker's row. One of an earlier FlowGate has no attempts; its response headers say who answered.
    """
    headers = {name.removeprefix(HEADER): value for name, value in recorded.get("headers", {}).items()}
    tried = recorded.get("attempts")
    attempts = [_tried(one) for one in tried] if tried is not None else None
    status = recorded.get("status")
    answering = _answering(attempts, status)
    has_answered = status is not None and status < 400 and not attempts
    retries, fallbacks = _repeats(attempts, headers)
    usage = recorded.get("usage")
    return {
        "id": headers.get("call-id", ""),
        "at": datetime.fromtimestamp(recorded["at"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "path": recorded["path"],
        "status": status,
        "seconds": recorded.get("seconds"),
        "generation": recorded["generation"],
        "litellm": "",
        "own": recorded.get("own", False),
        "client": recorded.get("client", ""),
        "count": recorded.get("count", 1),
        "refused": recorded.get("refused", ""),
        "asked": recorded.get("model") or (attempts[0]["model"] if attempts else headers.get("model-group", "")),
        "leads_to": recorded.get("leads_to", ""),
        "answered": answering["deployment"] if answering else headers.get("model-name", "") if has_answered else "",
        "base": (answering["host"] if answering else headers.get("model-api-base", "") if has_answered else ""),
        "retries": retries,
        "fallbacks": fallbacks,
        "attempts": attempts,
        "profile": "",
        "first_piece": recorded.get("first"),
        "tokens": _tokens(usage["prompt"], usage["completion"], usage["cached"], usage["reasoning"]) if usage else None,
        "cost_usd": usage["cost"] if usage else None,
        "price": usage["price"] if usage else "",
        "error": "",
    }


def _tokens(prompt: int, completion: int, cached: int, reasoning: int) -> Tokens:
    return {"prompt": prompt, "completion": completion, "cached": cached, "reasoning": reasoning}


def past_request(past: Past) -> ServedRequest:
    """Return a request of the ledger as `--json` prints it.

    Args:
        past: The request.
    """
    one, tried = past.entry
    attempts = [_past_attempt(attempt) for attempt in tried]
    answering = _answering(attempts, one.status) if not one.error else None
    at = datetime.fromtimestamp(one.at, UTC)
    counts = (one.prompt_tokens, one.completion_tokens or 0, one.cached_tokens or 0, one.reasoning_tokens or 0)
    return {
        "id": one.request_id,
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "path": one.path,
        "status": one.status,
        "seconds": one.seconds,
        "generation": past.generation,
        "litellm": past.version,
        "own": one.client == OWN_CLIENT,
        "count": 1,
        "refused": "the reason is not kept" if one.error == REFUSED else "",
        "asked": one.model,
        "leads_to": "",
        "answered": answering["deployment"] if answering else "",
        "base": answering["host"] if answering else "",
        "retries": one.retries,
        "fallbacks": one.fallbacks,
        "attempts": attempts,
        "client": one.client,
        "profile": past.profile,
        "first_piece": one.first_piece,
        "tokens": None if counts[0] is None else _tokens(counts[0], *counts[1:]),
        "cost_usd": one.cost,
        "price": one.price,
        "error": one.error,
    }


def _past_attempt(one: entries.Attempt) -> TriedDeployment:
    return {
        "model": one.model,
        "deployment": one.deployment,
        "id": one.deployment_id,
        "host": one.host,
        "seconds": one.seconds,
        "status": one.status,
        "error": one.error,
        "obstacle": one.obstacle,
    }


def _tried(one: Attempt) -> TriedDeployment:
    return {
        "model": one["model"],
        "deployment": one["deployment"],
        "id": one["id"],
        "host": one["host"],
        "seconds": one["seconds"],
        "status": one["status"],
        "error": one["error"],
        "obstacle": one.get("obstacle", ""),
    }


def _answering(attempts: list[TriedDeployment] | None, status: int | None) -> TriedDeployment | None:
    """Return the attempt whose answer the client got."""
    last = attempts[-1] if attempts else None
    return last if last and not last["error"] and status is not None and status < 400 else None


def _repeats(attempts: list[TriedDeployment] | None, headers: dict[str, str]) -> tuple[int | None, int | None]:
    """Return the number of retries and fallbacks: counted, or as LiteLLM's headers report them."""
    if attempts:
        fallbacks = sum(one["model"] != other["model"] for one, other in pairwise(attempts))
        return len(attempts) - 1 - fallbacks, fallbacks
    return _count(headers.get("attempted-retries")), _count(headers.get("attempted-fallbacks"))


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None

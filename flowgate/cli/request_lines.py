"""Requests that LiteLLM has received, described in words: one line, and one for each attempt where that matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowgate.cli.served_requests import ServedRequest, TriedDeployment

ID_WIDTH = 8  # characters of a request's id that are shown


def describe_request(one: ServedRequest, serving: str = "") -> Iterator[str]:
    """Describe a request: one line, and one more for each attempt if there were several, or if none succeeded.

    Args:
        one: The request.
        serving: Version of the LiteLLM that serves now; another one that served the request is named.
    """
    took = f"{one['seconds']:.2f} s" if one["seconds"] is not None else "in progress"
    about = [one["at"], str(one["status"] or "-"), took, _generation(one, serving), one["id"][:ID_WIDTH]]
    yield f"{'  '.join(part for part in about if part)}  {_outcome(one)}{_cost(one)}"
    attempts = one["attempts"] or []
    if len(attempts) > 1 or (attempts and not one["answered"]):
        for number, attempt in enumerate(attempts, 1):
            yield f"    {number}. {_describe_attempt(attempt)}"


def _generation(one: ServedRequest, serving: str) -> str:
    other = f" (LiteLLM {one['litellm']})" if one["litellm"] not in ("", serving) else ""
    return f"generation {one['generation']}{other}"


def _outcome(one: ServedRequest) -> str:
    asked = "".join(f"{name} " for name in (one["asked"], one["leads_to"] and f"({one['leads_to']})") if name)
    own = "(sent by FlowGate) " if one["own"] else f"{one['client']}: " if one["client"] else ""
    if one["answered"]:
        base = f" at {one['base']}" if one["base"] else ""
        retries = {None: "", 0: ", at the first try"}.get(one["retries"], f", after {_many(one['retries'], 'retry')}")
        fallbacks = {None: "", 0: ", no fallback"}.get(one["fallbacks"], f", by fallback {one['fallbacks']}")
        if one["fallbacks"]:
            retries = "" if not one["retries"] else retries
        return f"{own}{asked}answered by {one['answered']}{base}{retries}{fallbacks}"
    if one["status"] is None:
        return f"{own}{asked}{one['path']}: in progress"
    if one["status"] < 400 and not one["attempts"]:
        return f"{own}{asked}{one['path']}: who answered is not known"
    if one["refused"]:
        times = f" (the last of {one['count']} such requests)" if one["count"] > 1 else ""
        return f"{own}{asked}{one['path']}: refused by FlowGate: {one['refused']}{times}"
    if one["error"] and not one["attempts"] and one["status"] is None:
        return f"{own}{asked}{one['path']}: {one['error']}"
    was_refused = one["attempts"] == [] or (one["attempts"] is None and one["status"] in (401, 403))
    what = "no deployment was asked" if was_refused else "no deployment answered"
    return f"{own}{asked}{one['path']}: {what}"


def _cost(one: ServedRequest) -> str:
    tokens, cost = one["tokens"], one["cost_usd"]
    if tokens is None:
        return ""
    price = "" if cost is None else f", ${cost:.4f}" if one["price"] != "subscription" else f", ≈${cost:.4f} not billed"
    return f"; {tokens['prompt']} + {tokens['completion']} tokens{price}"


def _many(count: int | None, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun[:-1]}ies"


def _describe_attempt(one: TriedDeployment) -> str:
    where = f"{one['deployment']} at {one['host']}" if one["host"] else one["deployment"]
    who = f"{one['model']}: {where}" if where else f"{one['model']}: no deployment is available"
    took = f" after {one['seconds']:.2f} s" if one["seconds"] is not None and where else ""
    if one["error"] == "not asked":
        return f"{who}: not asked: {one['obstacle']}"
    status = f" ({one['status']})" if one["status"] else ""
    reason = f": {one['obstacle']}" if one["obstacle"] and one["obstacle"] != one["error"] else ""
    return f"{who}: {one['error'] or 'answered'}{status}{reason}{took}"
